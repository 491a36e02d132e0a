// Package conformance checks what Perch assumes about AWS.
//
// An Assumption is a statement about AWS that product code relies on, with a check that
// calls AWS through its SDK. The same checks run against the sandbox in CI, against any other
// endpoint, and against a real account. A check tags the resources that it creates, and deletes
// them at its end. docs/fidelity.md lists the results.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Assumption is a statement about AWS that product code relies on, with its check.
type Assumption struct {
	// Name is SERVICE/WHAT, for example s3/pages-of-1000.
	Name string
	// Sentence states what AWS does, in one or more sentences of plain English.
	Sentence string
	// Source is the evidence for the sentence: AWS's documentation, another project, or a recorded
	// response.
	Source string
	// ReliedOn is the file whose code would be wrong if the sentence were false.
	ReliedOn string
	// Cents is the estimated cost of one check on AWS in US cents, and Minutes its estimated
	// duration.
	Cents, Minutes int
	// Sandbox describes how the sandbox is known to differ from AWS. It is empty if the sandbox
	// behaves as the sentence states.
	Sandbox string

	check func(ctx context.Context, w *World) error
}

// service returns the part of the name before the slash.
func (a Assumption) service() string {
	service, _, _ := strings.Cut(a.Name, "/")
	return service
}

// Assumptions returns all of them, in the order in which docs/fidelity.md lists them.
func Assumptions() []Assumption {
	return slices.Concat(
		stackAssumptions, tokenAssumptions, updateAssumptions, deletionAssumptions, exportAssumptions,
		changeSetAssumptions, bucketAssumptions, versionAssumptions, keyAssumptions, conditionAssumptions,
		bucketTagAssumptions, zoneAssumptions, databaseAssumptions, secretAssumptions, systemsAssumptions,
		logAssumptions, taggingAssumptions, roleAssumptions, beanstalkAssumptions, bundleAssumptions,
		readyAssumptions, platformAssumptions, sharedAssumptions, instanceAssumptions,
	)
}

// Difference means that the endpoint contradicts an assumption. Any other error of a check means
// that the assumption could not be checked.
type Difference struct{ What string }

// Error implements error.
func (d *Difference) Error() string { return d.What }

func differencef(format string, args ...any) error {
	return &Difference{What: fmt.Sprintf(format, args...)}
}

// callerFaults are the codes of errors that the caller causes, such as a missing permission. They
// neither confirm nor contradict an assumption.
var callerFaults = []string{
	"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "ExpiredTokenException",
	"InvalidClientTokenId", "UnrecognizedClientException", "Throttling", "ThrottlingException",
	"LimitExceededException",
}

// wantRejected checks that AWS rejected a call with an error that has the code, and words in its
// message. err is the call's error.
func wantRejected(call string, err error, code, words string) error {
	var failure smithy.APIError
	switch {
	case err == nil:
		return differencef("%s succeeded, want %s", call, code)
	case !errors.As(err, &failure):
		return fmt.Errorf("%s: %w", call, err)
	case failure.ErrorCode() == code && strings.Contains(failure.ErrorMessage(), words):
		return nil
	case slices.Contains(callerFaults, failure.ErrorCode()):
		return fmt.Errorf("%s: %w", call, err)
	}
	return differencef(
		"%s failed with %s: %s; want %s: %s", call, failure.ErrorCode(), failure.ErrorMessage(), code, words,
	)
}

// wantAccepted checks that AWS accepted a call. err is the call's error.
func wantAccepted(call string, err error) error {
	var failure smithy.APIError
	if errors.As(err, &failure) && !slices.Contains(callerFaults, failure.ErrorCode()) {
		return differencef(
			"%s failed with %s: %s; want it to succeed", call, failure.ErrorCode(), failure.ErrorMessage(),
		)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}
