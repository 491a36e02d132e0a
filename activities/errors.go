package activities

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.temporal.io/sdk/temporal"
)

// Types of the application errors that workflows decide by, and that a reader sees in the Temporal UI.
const (
	// ErrorDenied: AWS refused the call; the message names the action that the role lacks.
	ErrorDenied = "Denied"
	// ErrorInvalid: AWS or the policy will never take this input.
	ErrorInvalid = "Invalid"
	// ErrorStackFailed: the stack's operation failed; the message holds the first failed events.
	ErrorStackFailed = "StackFailed"
	// ErrorImageMissing: the image did not come into its registry in time.
	ErrorImageMissing = "ImageMissing"
	// ErrorNotReady: the environment's address did not answer in time.
	ErrorNotReady = "NotReady"
	// ErrorSeedFailed: a seed step cannot be carried out.
	ErrorSeedFailed = "SeedFailed"
)

// refuse is an error that no retry mends.
func refuse(kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
}

// awsFailure is the one place where AWS's errors are told apart, by code and text. It wraps err with what was tried; what a retry
// cannot mend becomes non-retryable. Credentials that expired are for a retry: the SDK gets new ones.
func awsFailure(err error, tried string, args ...any) error {
	if err == nil {
		return nil
	}
	message := fmt.Sprintf(tried, args...) + ": " + sentence(err)
	switch {
	case missing(err, "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"):
		return refuse(ErrorDenied, "%s; AWS does not take the worker's credentials: they were deleted, or are mistyped; start the worker with valid ones and try again", message)
	case denied(err):
		return refuse(ErrorDenied, "%s; the worker's role lacks %s, or a policy above it denies that: give it this permission and try again", message, action(err))
	case says(err, "ValidationError", "is invalid or cannot be assumed"):
		return refuse(ErrorInvalid, "%s; CloudFormation needs this role for the stack as long as the stack is there: make it again under the same name, with cloudformation.amazonaws.com in its trust policy, or name another one as `service_role` in the worker's policy; then try again", message)
	case code(err) == "ValidationError" && !transient(err):
		return refuse(ErrorInvalid, "%s", message)
	case code(err) == "InsufficientCapabilitiesException" || code(err) == "LimitExceededException":
		return refuse(ErrorInvalid, "%s", message)
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(tried, args...), Said(err))
}

// Said is an error of the SDK that reads as what AWS said, because people see it, on the progress line of a step that is tried again or when a worker
// does not start. errors.As and errors.Is find what is in it.
func Said(err error) error { return &said{err} }

type said struct{ err error }

func (s *said) Error() string { return sentence(s.err) }

func (s *said) Unwrap() error { return s.err }

// code is the AWS error code in err, or empty.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// sentence is what AWS said, or why no answer came, without the frame that the SDK puts around it.
func sentence(err error) string {
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

func says(err error, wanted, text string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == wanted && strings.Contains(api.ErrorMessage(), text)
}

// denied reports that AWS says no, be it to a caller whom it knows or to credentials that it does not. Forbidden is S3's answer to HEAD, which has
// no body to say more.
func denied(err error) bool {
	return missing(err, "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "InsufficientPrivilegesException")
}

// throttled reports that AWS wants fewer calls.
func throttled(err error) bool {
	_, listed := retry.DefaultThrottleErrorCodes[code(err)]
	return listed
}

// actions are the IAM actions of the operations whose action has another name.
var actions = map[string]string{
	"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject", "s3:ListObjectsV2": "s3:ListBucket", "s3:CopyObject": "s3:GetObject or s3:PutObject",
	"s3:DeleteObjects": "s3:DeleteObject or s3:DeleteObjectVersion", "s3:ListObjectVersions": "s3:ListBucketVersions", "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
}

// deniedAction is the action in AWS's sentence about a denial. It is not always that of the call:
// Elastic Beanstalk calls other services with the rights of its caller.
var deniedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// action is the IAM action that the failed call needs: the one that AWS names, else the call's own.
func action(err error) string {
	if named := deniedAction.FindStringSubmatch(sentence(err)); named != nil {
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

// transient are the validation errors that pass by themselves: another operation has the stack.
func transient(err error) bool {
	return says(err, "ValidationError", "_IN_PROGRESS state") || says(err, "ValidationError", "while in status") ||
		says(err, "ValidationError", "cannot be called from current stack status")
}

// missingStack reports CloudFormation's way to say that there is no such stack. The code alone says nothing: every wrong input has it.
func missingStack(err error) bool {
	return says(err, "ValidationError", "does not exist")
}

func nothingToUpdate(err error) bool {
	return says(err, "ValidationError", "No updates are to be performed")
}

func alreadyThere(err error) bool {
	return code(err) == "AlreadyExistsException" || code(err) == "TokenAlreadyExistsException"
}

func missing(err error, codes ...string) bool {
	got := code(err)
	for _, want := range codes {
		if got == want {
			return true
		}
	}
	return false
}
