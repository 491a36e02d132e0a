// Package awserr tells AWS's errors apart: by code and text, in one place.
//
// Wrap makes an error of the SDK one that Temporal retries or does not retry, and that people read:
// it says what was tried, what AWS said, and, if a person has to do something, what. HasCode,
// Denied and the other questions are for callers that decide by an error.
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

// Final is an error that no retry fixes. kind is one of perch.Error...
func Final(kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
}

// Wrap is the one place where AWS's errors are told apart, by code and text. It wraps err with what
// was tried; what a retry cannot fix becomes non-retryable. Expired credentials are retried: the
// SDK gets new ones.
func Wrap(err error, tried string, args ...any) error {
	if err == nil {
		return nil
	}
	message := fmt.Sprintf(tried, args...) + ": " + Sentence(err)
	switch {
	case HasCode(err, "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"):
		return Final(perch.ErrorDenied, "%s; AWS does not take the worker's credentials: they were deleted, or are "+
			"mistyped; start the worker with valid ones and try again", message)
	case Denied(err):
		return Final(
			perch.ErrorDenied,
			"%s; the worker's role lacks %s, or a policy above it denies that: give it this permission and try again",
			message, Action(err),
		)
	case Says(err, "ValidationError", "is invalid or cannot be assumed"):
		return Final(perch.ErrorInvalid, "%s; CloudFormation needs this role for the stack as long as the stack is "+
			"there: make it again under the same name, with cloudformation.amazonaws.com in its trust policy, or "+
			"name another one as `service_role` in the worker's policy; then try again", message)
	case Code(err) == "ValidationError" && !transient(err):
		return Final(perch.ErrorInvalid, "%s", message)
	case Code(err) == "InsufficientCapabilitiesException" || Code(err) == "LimitExceededException":
		return Final(perch.ErrorInvalid, "%s", message)
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(tried, args...), Said(err))
}

// Said is an error of the SDK that reads as what AWS said, because people see it, on the progress
// line of a step that is tried again or when a worker does not start. errors.As and errors.Is find
// what is in it.
func Said(err error) error { return &said{err} }

type said struct{ err error }

func (s *said) Error() string { return Sentence(s.err) }

func (s *said) Unwrap() error { return s.err }

// Code is the AWS error code in err, or empty.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Sentence is what AWS said, or why no answer came, without the frame that the SDK puts around it.
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

func Says(err error, wanted, text string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == wanted && strings.Contains(api.ErrorMessage(), text)
}

// Denied reports that AWS denied a call, to a caller whom it knows or to credentials that it does
// not know. Forbidden is S3's answer to HEAD, which has no body to say more.
func Denied(err error) bool {
	return HasCode(
		err, "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthFailure",
		"InvalidClientTokenId", "UnrecognizedClientException", "InsufficientPrivilegesException",
	)
}

// Throttled reports that AWS wants fewer calls.
func Throttled(err error) bool {
	_, listed := retry.DefaultThrottleErrorCodes[Code(err)]
	return listed
}

// actions are the IAM actions of the operations whose action has another name.
var actions = map[string]string{
	"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject", "s3:ListObjectsV2": "s3:ListBucket",
	"s3:CopyObject":    "s3:GetObject or s3:PutObject",
	"s3:DeleteObjects": "s3:DeleteObject or s3:DeleteObjectVersion", "s3:ListObjectVersions": "s3:ListBucketVersions",
	"s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
}

// deniedAction is the action in AWS's sentence about a denial. It is not always that of the call:
// Elastic Beanstalk calls other services with the rights of its caller.
var deniedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// Action is the IAM action that the failed call needs: the one that AWS names, else the call's own.
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

// transient are the temporary validation errors: another operation has the stack.
func transient(err error) bool {
	return Says(err, "ValidationError", "_IN_PROGRESS state") || Says(err, "ValidationError", "while in status") ||
		Says(err, "ValidationError", "cannot be called from current stack status")
}

// UnknownStack reports CloudFormation's way to say that there is no such stack. The code alone says
// nothing: every wrong input has it.
func UnknownStack(err error) bool {
	return Says(err, "ValidationError", "does not exist")
}

func NothingToUpdate(err error) bool {
	return Says(err, "ValidationError", "No updates are to be performed")
}

func AlreadyExists(err error) bool {
	return Code(err) == "AlreadyExistsException" || Code(err) == "TokenAlreadyExistsException"
}

func HasCode(err error, codes ...string) bool {
	got := Code(err)
	for _, want := range codes {
		if got == want {
			return true
		}
	}
	return false
}
