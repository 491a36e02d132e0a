package config

import (
	"strings"

	"perch"
)

func (d *decoder) seed(f *File, path string, n *node) {
	d.list(path, n, func(path string, item *node) {
		if d.is(path, item, mapping) {
			d.seedStep(f, path, item)
		}
	})
}

func (d *decoder) seedStep(f *File, path string, n *node) {
	if len(n.entries) != 1 {
		d.fail(n, "%s has %d keys; a step is one key, such as s3: {from: fixtures/media, to: assets}", path, len(n.entries))
		return
	}
	key := n.entries[0].key
	switch key.text {
	case "s3":
	case "http", "run":
		d.fail(key, "%s: seed steps of kind %s are not built yet; this version of Perch carries out s3 steps only", path, key.text)
		return
	}
	var step perch.SeedS3
	d.fields(path, n, field{name: "s3", read: func(path string, n *node) {
		d.fields(path, n,
			field{name: "from", read: d.text(&step.From, validSeedFrom)},
			field{name: "to", read: d.text(&step.To, validSeedTo)})
		if n.shape == mapping && (n.get("from") == nil || n.get("to") == nil) {
			d.fail(n, "%s needs both from and to", path)
		}
	}})
	f.Seed = append(f.Seed, perch.SeedStep{S3: &step})
	f.seedNodes = append(f.seedNodes, n.at("s3", "to"))
}

// seedBuckets refuses a step whose bucket no layer has: it can never work.
func (d *decoder) seedBuckets(f *File) {
	for i, step := range f.Seed {
		bucket, _, _ := strings.Cut(step.S3.To, "/")
		found := false
		for _, layer := range f.all() {
			found = found || layer.get("buckets").get(bucket) != nil
		}
		if !found {
			d.fail(f.seedNodes[i], "seed[%d].s3.to names the bucket %s, which no layer has; add it to defaults.buckets", i, bucket)
		}
	}
}

// seedTargets refuses a step whose bucket the branch does not have.
func (d *decoder) seedTargets(f *File, s perch.Settings, branch string) {
	for i, step := range f.Seed {
		bucket, _, _ := strings.Cut(step.S3.To, "/")
		if _, ok := s.Buckets[bucket]; !ok {
			d.fail(f.seedNodes[i], "seed[%d].s3.to names the bucket %s, which branch %q (kind %s) does not have", i, bucket, branch, f.Kind(branch))
		}
	}
}
