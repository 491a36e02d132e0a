package workflows

import (
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities"
)

// admitWithImage admits the request, and waits in between while its image is not in its registry.
// A newer request ends the wait, with no changes made.
func (r *run) admitWithImage() (activities.AdmitResult, error) {
	for range maxSteps {
		admitted, err := r.admit()
		if err != nil || admitted.MissingImage == "" || r.overtaken() {
			return admitted, err
		}
		if err := r.follow(admitted.Commit); err != nil {
			return admitted, err
		}
		if err := r.awaitImage(admitted); err != nil || r.overtaken() {
			return admitted, err
		}
	}
	return activities.AdmitResult{}, failed("the image of branch %s is found and then missing again, %d times in a row; "+
		"check what removes it from its registry", r.environment.Branch, maxSteps)
}

// awaitImage waits for the image, or until a newer request waits.
func (r *run) awaitImage(admitted activities.AdmitResult) error {
	if err := r.show(perch.PhaseImage); err != nil {
		return err
	}
	in := activities.ImageInput{
		Branch: r.environment.Branch, Commit: r.chain.Target.Commit,
		Image: admitted.MissingImage, PatienceSeconds: admitted.ImageWaitSeconds,
	}
	_, err := r.interruptible(func(ctx workflow.Context) workflow.Future {
		return long(ctx, r.environment.Project, "wait for image "+in.Image, workPatience, images.AwaitImage, in)
	}, nil)
	return err
}
