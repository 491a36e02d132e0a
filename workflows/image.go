package workflows

import (
	"perch"
	"perch/activities/contract"
)

// admitWithImage admits the request. While the image is missing in its registry, it waits and
// admits again. If a newer request arrives, it returns without changes.
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

// awaitImage waits until the image exists or a newer request arrives.
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
