// Package awserr classifies AWS's errors by code and text, in one place.
//
// Wrap turns an error of the SDK into one that Temporal retries or does not retry. Its message says
// what was tried, what AWS answered and, if a person has to act, what to do. HasCode, Denied and
// the other predicates are for callers whose next step depends on the error.
package awserr

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.temporal.io/sdk/temporal"

	"perch"
)

// Final returns an error that Temporal does not retry, because no retry fixes it. kind is one of
// perch.Error...
func Final(kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
}

// Wrap adds to err what was tried, and makes it non-retryable if no retry can fix it. It decides by
// AWS's error code and text. Expired credentials are retried, because the SDK gets new ones.
func Wrap(err error, tried string, args ...any) error {
	if err == nil {
		return nil
	}
	message := fmt.Sprintf(tried, args...) + ": " + Sentence(err)
	switch {
	case HasCode(err, "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"):
		return Final(perch.ErrorDenied, "%s; AWS does not accept the worker's credentials: they were deleted, or are "+
			"mistyped; start the worker with valid ones and try again", message)
	case Denied(err):
		return Final(
			perch.ErrorDenied,
			"%s; the worker's role lacks %s, or a policy above it denies that: give it this permission and try again",
			message, Action(err),
		)
	case Says(err, "ValidationError", "is invalid or cannot be assumed"):
		return Final(perch.ErrorInvalid, "%s; CloudFormation needs this role for the stack as long as the stack "+
			"exists: create it again under the same name, with cloudformation.amazonaws.com in its trust policy, or "+
			"name another one as `service_role` in the worker's policy; then try again", message)
	case Code(err) == "ValidationError" && !transient(err):
		return Final(perch.ErrorInvalid, "%s", message)
	case Code(err) == "InsufficientCapabilitiesException" || Code(err) == "LimitExceededException":
		return Final(perch.ErrorInvalid, "%s", message)
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(tried, args...), Said(err))
}

// Said returns err with a message that has only what AWS said. People read it on the progress line
// of a step that is retried, or when a worker does not start. errors.As and errors.Is still find
// what err wraps.
func Said(err error) error { return &said{err} }

type said struct{ err error }

func (s *said) Error() string { return Sentence(s.err) }

func (s *said) Unwrap() error { return s.err }

// Code returns the AWS error code in err; empty if it has none.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Sentence returns what AWS said, or why no answer came, without what the SDK writes around it.
func Sentence(err error) string {
	var (
		api    smithy.APIError
		unsent *smithyhttp.RequestSendError
	)
	switch {
	case errors.As(err, &api) && api.ErrorMessage() == "":
		return api.ErrorCode()
	case errors.As(err, &api):
		return api.ErrorCode() + ": " + api.ErrorMessage()
	case errors.As(err, &unsent):
		return unsent.Err.Error()
	}
	return err.Error()
}

// Says reports whether err has the AWS error code wanted and a message that contains text.
func Says(err error, wanted, text string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == wanted && strings.Contains(api.ErrorMessage(), text)
}

// Denied reports whether AWS denied a call, because the caller lacks a permission or because AWS
// does not know the credentials. Forbidden is S3's answer to a HEAD request, whose response has no
// body with a code.
func Denied(err error) bool {
	return HasCode(
		err, "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthFailure",
		"InvalidClientTokenId", "UnrecognizedClientException", "InsufficientPrivilegesException",
	)
}

// Throttled reports whether AWS throttled the call.
func Throttled(err error) bool {
	_, listed := retry.DefaultThrottleErrorCodes[Code(err)]
	return listed
}

// actions has the IAM action of each API operation whose action has another name.
var actions = map[string]string{
	"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject", "s3:ListObjectsV2": "s3:ListBucket",
	"s3:CopyObject":    "s3:GetObject or s3:PutObject",
	"s3:DeleteObjects": "s3:DeleteObject or s3:DeleteObjectVersion", "s3:ListObjectVersions": "s3:ListBucketVersions",
	"s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
}

// deniedAction matches the action in AWS's message about a denial. The action need not be that of
// the call: Elastic Beanstalk calls other services with its caller's permissions.
var deniedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// Action returns the IAM action that the failed call needs: the one that AWS names, or else the
// call's own.
func Action(err error) string {
	if named := deniedAction.FindStringSubmatch(Sentence(err)); named != nil {
		return named[1]
	}
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return "the action"
	}
	prefix := strings.ReplaceAll(strings.ToLower(operation.Service()), " ", "")
	if prefix == "resourcegroupstaggingapi" {
		prefix = "tag"
	}
	name := prefix + ":" + operation.Operation()
	if other, ok := actions[name]; ok {
		return other
	}
	return name
}

// transient reports whether err is a ValidationError that passes: another operation on the stack is
// in progress.
func transient(err error) bool {
	return Says(err, "ValidationError", "_IN_PROGRESS state") || Says(err, "ValidationError", "while in status") ||
		Says(err, "ValidationError", "cannot be called from current stack status")
}

// UnknownStack reports whether CloudFormation says that there is no such stack. Only the text
// tells: every invalid input has the same code.
func UnknownStack(err error) bool {
	return Says(err, "ValidationError", "does not exist")
}

// NothingToUpdate reports whether CloudFormation rejected an update because it changes nothing.
func NothingToUpdate(err error) bool {
	return Says(err, "ValidationError", "No updates are to be performed")
}

// AlreadyExists reports whether the stack exists, or the ClientRequestToken was used before.
func AlreadyExists(err error) bool {
	return Code(err) == "AlreadyExistsException" || Code(err) == "TokenAlreadyExistsException"
}

// HasCode reports whether err has one of the AWS error codes.
func HasCode(err error, codes ...string) bool {
	got := Code(err)
	for _, want := range codes {
		if got == want {
			return true
		}
	}
	return false
}
