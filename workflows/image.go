package workflows

import (
	"perch"
	"perch/activities/contract"
)

// admitWithImage admits the request, and waits in between while its image is not in its registry.
// A newer request ends the wait, with no changes made.
func (r *run) admitWithImage() (contract.AdmitResult, error) {
	for range maxSteps {
		admitted, err := r.admit()
		if err != nil || admitted.MissingImage == "" || r.superseded() {
			return admitted, err
		}
		if err := r.follow(admitted.Commit); err != nil {
			return admitted, err
		}
		if err := r.awaitImage(admitted); err != nil || r.superseded() {
			return admitted, err
		}
	}
	return contract.AdmitResult{}, failed("the image of branch %s is found and then missing again, %d times in a row; "+
		"check what removes it from its registry", r.environment.Branch, maxSteps)
}

// awaitImage waits for the image, or until a newer request waits.
func (r *run) awaitImage(admitted contract.AdmitResult) error {
	if err := r.show(perch.PhaseImage); err != nil {
		return err
	}
	in := contract.ImageInput{
		Branch: r.environment.Branch, Commit: r.chain.Target.Commit,
		Image: admitted.MissingImage, PatienceSeconds: admitted.ImageWaitSeconds,
	}
	_, _, err := runUnlessSuperseded(r, "wait for image "+in.Image, contract.AwaitImage, in)
	return err
}
