package admit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/probe"
	"perch/activities/pulse"
	"perch/image"
)

// slowestLook is how many intervals pass at most between two look-ups of an image.
const slowestLook = 6

// Images looks images up in their registries.
type Images struct {
	*image.Client

	interval time.Duration
}

// NewImages returns Images for the account of cfg.
func NewImages(cfg aws.Config, policy *perch.Policy, interval time.Duration) *Images {
	login := &registryLogin{registry: policy.OwnRegistry(), cfg: cfg}
	return &Images{interval: interval, Client: image.New(image.Config{
		Registries: policy.Images.Registries, Endpoint: policy.Images.Endpoint, Login: login.get,
		Admit: probe.Reach{Private: policy.Network.Private}.Registry(policy.Images.Endpoint != ""),
	})}
}

// Await waits until the image is in its registry, or until the registry cannot be asked. It changes
// nothing. Its result only ends the wait: Admit looks the image up again.
func (i *Images) Await(ctx context.Context, in contract.ImageInput) (contract.ImageResult, error) {
	progress := pulse.Resume(ctx, perch.Progress{
		Status: "WAITING_FOR_IMAGE", Resource: in.Image, Reason: "it is not in its registry yet",
		Since: time.Now().UTC(),
	})
	_, stop := pulse.Start(ctx, progress)
	defer stop()
	patience := time.Duration(in.PatienceSeconds) * time.Second
	for pause := i.interval; ; pause = min(2*pause, slowestLook*i.interval) {
		_, err := i.Look(ctx, in.Image)
		var missing *image.Missing
		switch {
		case ctx.Err() != nil:
			return contract.ImageResult{}, ctx.Err()
		case !errors.As(err, &missing):
			return contract.ImageResult{Found: err == nil}, nil
		case time.Since(progress.Since) > patience:
			return contract.ImageResult{}, awserr.Final(
				perch.ErrorImageMissing,
				"image %s is not in its registry, %s after the request; "+
					"check the build of commit %s, or correct `image` in perch.yaml; when the image is there, "+
					"run `perch up %s`",
				in.Image,
				patience,
				in.Commit,
				in.Branch,
			)
		}
		if err := pulse.Linger(ctx, pause); err != nil {
			return contract.ImageResult{}, err
		}
	}
}

// pinImage looks the image up and replaces its tag with its digest. It enters into admitted whether
// the image is missing, and warnings. If the image cannot run on the environment's processor, it
// returns a *perch.Rejection. It skips a custom template that has no parameter for the image.
func (a *Admitter) pinImage(
	ctx context.Context, made *rendering, admitted *contract.AdmitResult,
) error {
	settings := made.settings
	takes := func(name string) bool { return !made.isCustom() || made.custom.Takes(name, settings.Parameters) }
	if settings.Image == "" || !takes("Image") {
		return nil
	}
	found, err := a.Images.Look(ctx, settings.Image)
	var (
		missing *image.Missing
		unasked *image.Unasked
	)
	switch architecture := perch.ArchitectureOf(settings.InstanceType); {
	case errors.As(err, &missing):
		admitted.MissingImage, admitted.ImageWaitSeconds = settings.Image, int(settings.ImageWait.Seconds())
		return nil
	case errors.As(err, &unasked):
		pinned, what := a.lastPinned(ctx, made)
		made.settings.Image = pinned
		admitted.Warnings = append(admitted.Warnings, unasked.Error()+"; "+what)
		return nil
	case err != nil:
		return err
	case takes("InstanceType") && !found.RunsOn(architecture):
		return wrongArchitecture(settings, architecture, found)
	}
	if found.Unknown != "" {
		admitted.Warnings = append(admitted.Warnings, fmt.Sprintf(
			"it is not known whether image %s is for the processor of %s: %s",
			settings.Image, settings.InstanceType, found.Unknown))
	}
	made.settings.Image = found.Pinned
	return nil
}

func wrongArchitecture(settings perch.Settings, architecture string, found image.Found) *perch.Rejection {
	return perch.Reject(
		"image %s is for %s, and instance_type %s needs linux/%s; build the image for it, such as with "+
			"`docker buildx build --platform linux/%s`, or choose another instance type",
		settings.Image,
		strings.Join(found.Platforms, " and "),
		settings.InstanceType,
		architecture,
		architecture,
	)
}

// lastPinned returns what is deployed if the image's registry cannot be asked, and a phrase that
// says so. It is the digest of the environment's last admission if perch.yaml named the same image
// then, and otherwise the image as perch.yaml names it.
func (a *Admitter) lastPinned(ctx context.Context, made *rendering) (pinned, what string) {
	written := "it is deployed as it is written"
	last, err := a.Applications.LastAdmission(ctx, made.environment, made.kind)
	if err != nil || last.Image != made.image || last.Pinned == made.image || last.Pinned == "" {
		return made.image, written
	}
	return last.Pinned, "the digest that was found last is deployed, " + last.Pinned
}
