package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
)

// receiveFirst makes the request in the first signal the target. It skips signals that do not
// contain a request. If no signal contains one, it ends the run, which would otherwise stay open.
func (r *run) receiveFirst() error {
	var raw converter.RawValue
	r.requests.Receive(r.ctx, &raw)
	request, err := readRequest(raw)
	if err == nil {
		r.chain.Target = request
		return nil
	}
	if request, waits := r.receive(); waits {
		r.chain.Target = request
		return nil
	}
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(
		"the signal %q that started this run holds no request (%v), and nothing was touched; run `perch up` or "+
			"`perch down`",
		perch.SignalRequest, err), perch.ErrorInvalid, nil)
}

// receive returns the next waiting request, skipping signals that do not contain one.
func (r *run) receive() (request perch.Request, waits bool) {
	for {
		var raw converter.RawValue
		if !r.requests.ReceiveAsync(&raw) {
			return perch.Request{}, false
		}
		if request, err := readRequest(raw); err == nil {
			return request, true
		}
	}
}

// readRequest decodes a signal's request. Without it, the SDK would silently drop a signal that
// cannot be decoded.
func readRequest(raw converter.RawValue) (perch.Request, error) {
	var request perch.Request
	if raw.Payload() == nil {
		return request, errors.New("it has no input")
	}
	if err := converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &request); err != nil {
		return perch.Request{}, err
	}
	return request, nil
}
