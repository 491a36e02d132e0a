package image

import (
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// platforms are what the image with this digest is for. Where the manifest is there and the
// platforms are not to be learned from it, unknown says why.
func platforms(digest name.Digest, options []remote.Option) (all []string, unknown string, err error) {
	manifest, err := remote.Get(digest, options...)
	if err != nil {
		return nil, "", err
	}
	switch {
	case manifest.MediaType.IsIndex():
		all, err = ofIndex(manifest)
		return all, "", err
	case manifest.MediaType.IsImage():
		all, err = ofImage(manifest)
		if err != nil {
			return nil, words(err), nil
		}
		return all, "", nil
	case manifest.MediaType.IsSchema1():
		return nil, "its manifest has the first, outdated format", nil
	}
	return nil, "", fmt.Errorf("it answers with %q, which is not a manifest of an image", manifest.MediaType)
}

func ofIndex(manifest *remote.Descriptor) ([]string, error) {
	index, err := manifest.ImageIndex()
	if err != nil {
		return nil, err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read the list of platforms: %w", err)
	}
	var all []string
	for _, one := range list.Manifests {
		if one.Platform != nil {
			all = append(all, platform(*one.Platform))
		}
	}
	return sorted(all), nil
}

// ofImage reads the configuration of an image for a single platform.
func ofImage(manifest *remote.Descriptor) ([]string, error) {
	single, err := manifest.Image()
	if err != nil {
		return nil, err
	}
	config, err := single.ConfigFile()
	if err != nil {
		return nil, err
	}
	return []string{platform(v1.Platform{OS: config.OS, Architecture: config.Architecture})}, nil
}

func platform(p v1.Platform) string { return p.OS + "/" + p.Architecture }

func sorted(all []string) []string {
	slices.Sort(all)
	// Builders add attestations, which are for no platform.
	all = slices.DeleteFunc(all, func(one string) bool { return one == "unknown/unknown" })
	return slices.Compact(all)
}
