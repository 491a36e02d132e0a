package awserr

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/activitytest"
)

func awsError(service, operation, code, message string) error {
	return &smithy.OperationError{
		ServiceID: service, OperationName: operation, Err: &smithy.GenericAPIError{Code: code, Message: message},
	}
}

func TestAWSErrorsAreToldApartByCodeAndText(t *testing.T) {
	const passing = "" // A failure that Temporal tries again after.
	for _, c := range []struct{ code, message, want string }{
		{"AccessDenied", "User: x is not authorized to perform: cloudformation:CreateStack", perch.ErrorDenied},
		{"AccessDeniedException", "no", perch.ErrorDenied},
		{"UnauthorizedOperation", "no", perch.ErrorDenied},
		{"InvalidClientTokenId", "The security token included in the request is invalid.", perch.ErrorDenied},
		{"Forbidden", "", perch.ErrorDenied},

		{"ExpiredToken", "The security token included in the request is expired", passing},
		{"ExpiredTokenException", "The security token included in the request is expired", passing},
		{"RequestExpired", "Request has expired.", passing},
		{"RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", passing},
		{"SignatureDoesNotMatch", "Signature expired", passing},

		{"Throttling", "Rate exceeded", passing},
		{"SlowDown", "Please reduce your request rate.", passing},
		{"InternalFailure", "", passing},
		{"ServiceUnavailable", "", passing},
		{"OperationInProgressException", "", passing},

		{"ValidationError", "Template error: unknown resource", perch.ErrorInvalid},
		{"ValidationError", "Stack:arn is in ROLLBACK_COMPLETE state and can not be updated.", perch.ErrorInvalid},
		{"ValidationError", "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.", passing},
		{"ValidationError", "Cannot delete stack while in status UPDATE_IN_PROGRESS", passing},
		{"ValidationError", "CancelUpdateStack cannot be called from current stack status", passing},
		{"ValidationError", "Role arn:aws:iam::1:role/cfn is invalid or cannot be assumed", perch.ErrorInvalid},
		{"InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", perch.ErrorInvalid},
		{"LimitExceededException", "Limit for stack has been exceeded", perch.ErrorInvalid},
	} {
		t.Run(c.code+" "+c.message, func(t *testing.T) {
			err := Wrap(
				fmt.Errorf("wrapped: %w", awsError("CloudFormation", "CreateStack", c.code, c.message)),
				"create stack %s", "shop-login",
			)
			if c.want == passing {
				activitytest.WantRetry(t, err, "create stack shop-login", c.code)
				return
			}
			activitytest.WantFinal(t, err, c.want, "create stack shop-login", c.code, c.message)
		})
	}
}

func TestCredentialsThatAWSDoesNotKnowAreNotAMissingPermission(t *testing.T) {
	for _, code := range []string{"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"} {
		err := Wrap(
			awsError("CloudFormation", "CreateStack", code, "The security token included in the request is invalid."),
			"create stack shop-login",
		)
		activitytest.WantFinal(t, err, perch.ErrorDenied, "create stack shop-login: "+
			code, "AWS does not accept the worker's credentials", "start the worker with valid ones")
		if strings.Contains(err.Error(), "lacks") {
			t.Errorf("it sends people to the role: %v", err)
		}
	}
}

func TestALostConnectionIsTriedAgain(t *testing.T) {
	err := Wrap(&net.OpError{Op: "dial", Err: errors.New("connection refused")}, "describe stack x")
	activitytest.WantRetry(t, err, "describe stack x", "connection refused")
	if Wrap(nil, "nothing") != nil {
		t.Error("no error became one")
	}
}

func TestAFailureThatIsTriedAgainReadsAsWhatAWSSaid(t *testing.T) {
	answer := &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusBadRequest}}
	rejected := errors.New(`Post "https://cloudformation.eu-central-1.amazonaws.com/": connection refused`)
	for want, framed := range map[string]error{
		"Throttling: Rate exceeded": &smithyhttp.ResponseError{
			Response: answer, Err: &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"},
		},
		"InternalFailure": &smithyhttp.ResponseError{
			Response: answer, Err: &smithy.GenericAPIError{Code: "InternalFailure"},
		},
		rejected.Error(): &smithyhttp.RequestSendError{Err: rejected},
	} {
		sdk := &smithy.OperationError{ServiceID: "CloudFormation", OperationName: "DescribeStacks", Err: framed}
		err := Wrap(sdk, "describe stack %s", "shop-login")
		if got := err.Error(); got != "describe stack shop-login: "+want {
			t.Errorf("got %q, want %q at its end", got, want)
		}
		if !errors.Is(err, sdk) || Code(err) != Code(sdk) {
			t.Errorf("%v: the SDK's error is not found in it", err)
		}
	}
}

func TestS69ADenialNamesTheActionThatTheRoleLacks(t *testing.T) {
	for _, c := range []struct{ service, operation, want string }{
		{"CloudFormation", "CreateStack", "lacks cloudformation:CreateStack,"},
		{"Elastic Beanstalk", "DescribeEnvironments", "lacks elasticbeanstalk:DescribeEnvironments,"},
		{"Route 53", "ListResourceRecordSets", "lacks route53:ListResourceRecordSets,"},
		{"Resource Groups Tagging API", "GetResources", "lacks tag:GetResources,"},
		{"S3", "HeadObject", "lacks s3:GetObject,"},
		{"S3", "HeadBucket", "lacks s3:ListBucket,"},
		{"S3", "DeleteObjects", "lacks s3:DeleteObject or s3:DeleteObjectVersion,"},
	} {
		activitytest.WantFinal(
			t, Wrap(awsError(c.service, c.operation, "AccessDenied", "no"), "try"), perch.ErrorDenied, c.want,
		)
	}
	activitytest.WantFinal(
		t, Wrap(&smithy.GenericAPIError{Code: "AccessDenied"}, "try"), perch.ErrorDenied, "lacks the action,",
	)
	behind := awsError(
		"Elastic Beanstalk",
		"UpdateEnvironment",
		"AccessDenied",
		"User: arn:aws:sts::1:assumed-role/perch-worker/x "+
			"is not authorized to perform: autoscaling:SuspendProcesses on resource: * because no identity-based "+
			"policy "+
			"allows it",
	)
	activitytest.WantFinal(t, Wrap(behind, "try"), perch.ErrorDenied, "lacks autoscaling:SuspendProcesses,")
}

func TestS28AMissingServiceRoleHasASeparateMessage(t *testing.T) {
	err := Wrap(awsError(
		"CloudFormation", "DeleteStack", "ValidationError",
		"Role arn:aws:iam::1:role/cfn is invalid or cannot be assumed",
	), "delete stack shop-login")
	activitytest.WantFinal(
		t, err, perch.ErrorInvalid, "role/cfn", "create it again under the same name", "`service_role`",
	)
}

func TestOnlyOneMessageMeansThatAStackIsMissing(t *testing.T) {
	for message, want := range map[string]bool{
		"Stack with id shop-login does not exist": true,
		"1 validation error detected":             false,
		"Template format error":                   false,
	} {
		if got := UnknownStack(awsError("CloudFormation", "DescribeStacks", "ValidationError", message)); got != want {
			t.Errorf("%q: %v", message, got)
		}
	}
	if UnknownStack(awsError("CloudFormation", "DescribeStacks", "InternalFailure", "it does not exist")) ||
		UnknownStack(nil) {
		t.Error("the text alone was believed")
	}
}

func TestRejectionsAreNotTriedAgain(t *testing.T) {
	var failure *temporal.ApplicationError
	if err := Final(
		perch.ErrorInvalid, "no %d", 1,
	); !errors.As(err, &failure) || !failure.NonRetryable() || failure.Message() != "no 1" {
		t.Errorf("got %v", err)
	}
}
