// Package conformance checks what Perch assumes about AWS.
//
// Each assumption is a Belief: one sentence about AWS that product code relies on, with a check
// that calls AWS through its SDK. The same checks run against the sandbox in CI, against any other
// endpoint, and against a real account. There, the resources that a check creates have a tag, and
// are deleted afterwards. docs/fidelity.md shows the results.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Belief is one assumption about AWS that product code relies on.
type Belief struct {
	// Name is SERVICE/WHAT, for example s3/pages-of-1000.
	Name string
	// Sentence says in plain English what AWS does.
	Sentence string
	// Source says where the sentence comes from: AWS's documentation, another project, or a
	// recorded response.
	Source string
	// ReliedOn is the file of the product that would be wrong if the sentence were false.
	ReliedOn string
	// Cents is the estimated cost of one check on AWS in US cents, and Minutes its estimated
	// duration.
	Cents, Minutes int
	// Sandbox explains a known difference between the sandbox and AWS; empty if there is none.
	Sandbox string

	check func(ctx context.Context, w *World) error
}

// service is the part of the name before the slash.
func (b Belief) service() string {
	service, _, _ := strings.Cut(b.Name, "/")
	return service
}

// Beliefs returns all beliefs, in the order in which docs/fidelity.md lists them.
func Beliefs() []Belief {
	return slices.Concat(
		stackBeliefs, tokenBeliefs, updateBeliefs, deletionBeliefs, exportBeliefs, changeSetBeliefs,
		bucketBeliefs, versionBeliefs, keyBeliefs, conditionBeliefs, bucketTagBeliefs, zoneBeliefs,
		databaseBeliefs, secretBeliefs, systemsBeliefs, logBeliefs, taggingBeliefs, roleBeliefs,
		beanstalkBeliefs, bundleBeliefs, readyBeliefs, platformBeliefs, sharedBeliefs, instanceBeliefs,
	)
}

// Difference means that the endpoint contradicts a belief. Any other error of a check means that
// the belief could not be checked.
type Difference struct{ What string }

// Error implements error.
func (d *Difference) Error() string { return d.What }

func differs(format string, args ...any) error {
	return &Difference{What: fmt.Sprintf(format, args...)}
}

// ourFault has error codes that are caused by the caller and so say nothing about the belief.
var ourFault = []string{
	"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "ExpiredTokenException",
	"InvalidClientTokenId", "UnrecognizedClientException", "Throttling", "ThrottlingException",
	"LimitExceededException",
}

// wantRejected checks that the call was rejected with the code and a message that contains words.
func wantRejected(call string, err error, code, words string) error {
	var failure smithy.APIError
	switch {
	case err == nil:
		return differs("%s was accepted, want %s", call, code)
	case !errors.As(err, &failure):
		return fmt.Errorf("%s: %w", call, err)
	case failure.ErrorCode() == code && strings.Contains(failure.ErrorMessage(), words):
		return nil
	case slices.Contains(ourFault, failure.ErrorCode()):
		return fmt.Errorf("%s: %w", call, err)
	}
	return differs("%s answers %s: %s; want %s: %s", call, failure.ErrorCode(), failure.ErrorMessage(), code, words)
}

// wantAccepted checks that the call was accepted.
func wantAccepted(call string, err error) error {
	var failure smithy.APIError
	if errors.As(err, &failure) && !slices.Contains(ourFault, failure.ErrorCode()) {
		return differs("%s answers %s: %s; want it accepted", call, failure.ErrorCode(), failure.ErrorMessage())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}
