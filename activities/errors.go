package activities

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
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
	// ErrorNotReady: the environment's address did not answer in time.
	ErrorNotReady = "NotReady"
	// ErrorSeedFailed: a seed step cannot be carried out.
	ErrorSeedFailed = "SeedFailed"
	// ErrorLeftBehind: something of the environment was seen to be still there after its stack was deleted.
	ErrorLeftBehind = "LeftBehind"
)

// refuse is an error that no retry mends.
func refuse(kind, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
}

// awsFailure is the one place where AWS's errors are told apart, by code and text. It wraps err with what was tried; what a retry
// cannot mend becomes non-retryable.
func awsFailure(err error, tried string, args ...any) error {
	if err == nil {
		return nil
	}
	message := fmt.Sprintf(tried, args...) + ": " + sentence(err)
	switch {
	case denied(err):
		return refuse(ErrorDenied, "%s; give the worker's role (or the service role) this permission and try again", message)
	case code(err) == "ValidationError" && !transient(err):
		return refuse(ErrorInvalid, "%s", message)
	case code(err) == "InsufficientCapabilitiesException" || code(err) == "LimitExceededException":
		return refuse(ErrorInvalid, "%s", message)
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(tried, args...), err)
}

// code is the AWS error code in err, or empty.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// sentence is what AWS said, without the frame that the SDK puts around it.
func sentence(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

func says(err error, wanted, text string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == wanted && strings.Contains(api.ErrorMessage(), text)
}

func denied(err error) bool {
	switch code(err) {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException":
		return true
	}
	return false
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
