package aws

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"perch/config"
	"perch/sandbox/aws/cloudformation"
	"perch/sandbox/aws/s3"
	"perch/sandbox/aws/services"
)

// faultActions are the actions that a fault can name, by their service.
func faultActions() map[string][]string {
	actions := services.Actions()
	actions["cloudformation"] = cloudformation.Actions()
	actions["s3"] = s3.Operations()
	actions["route53"] = []string{http.MethodGet, http.MethodPost}
	actions[registryService] = []string{registryAction}
	return actions
}

// checkNames rejects a fault with a name that nothing has: it would never strike.
func (f Fault) checkNames() error {
	actions := faultActions()
	if f.Service != "" && actions[f.Service] == nil {
		return unknownName("service", f.Service, slices.Sorted(maps.Keys(actions)))
	}
	var known []string
	for service, names := range actions {
		if f.Service == "" || service == f.Service {
			known = append(known, names...)
		}
	}
	slices.Sort(known)
	switch {
	case f.Action != "" && !slices.Contains(known, f.Action):
		return unknownName("action", f.Action, slices.Compact(known))
	case f.Type != "" && f.Type != cloudformation.StackType && !cloudformation.IsType(f.Type):
		return unknownType(f.Type)
	case f.LogicalID != "" && !logicalID.MatchString(f.LogicalID):
		return fmt.Errorf("logical_id %q cannot be one: it has letters and digits only", f.LogicalID)
	case f.Stack != "" && !stackName.MatchString(f.Stack):
		return fmt.Errorf("stack %q cannot be one: it has letters, digits and hyphens, and a letter first", f.Stack)
	}
	return f.checkCode()
}

// logicalID and stackName are what CloudFormation accepts (API reference: CreateStack; user guide:
// Resources).
var (
	logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)
	stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)
)

// maxListed is how many names a rejection lists.
const maxListed = 60

// unknownName names the most similar name, or else all of them, if they are few.
func unknownName(key, name string, known []string) error {
	switch nearest := nearestName(name, known); {
	case nearest != "":
		return fmt.Errorf("there is no %s %q here; did you mean %s?", key, name, nearest)
	case len(known) <= maxListed:
		return fmt.Errorf("there is no %s %q here; there are %s", key, name, strings.Join(known, ", "))
	}
	return fmt.Errorf("no service has the %s %q here; give the service, too, to have its names listed", key, name)
}

// nearestName is the most similar of names, in any case; empty if none is similar.
func nearestName(name string, names []string) string {
	for _, each := range names {
		if strings.EqualFold(name, each) {
			return each
		}
	}
	return config.Nearest(name, names)
}

func unknownType(name string) error {
	if nearest := nearestName(name, cloudformation.Types()); nearest != "" {
		return fmt.Errorf("CloudFormation has no resource type %q; did you mean %s?", name, nearest)
	}
	return fmt.Errorf("CloudFormation has no resource type %q; types are written like AWS::RDS::DBInstance", name)
}

// registryCodes are the error codes of registries (OCI distribution specification 1.1, Error
// Codes), with those of Docker's registry for a server that fails.
var registryCodes = strings.Fields(`
	BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DENIED DIGEST_INVALID MANIFEST_BLOB_UNKNOWN MANIFEST_INVALID
	MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID TOOMANYREQUESTS UNAUTHORIZED UNAVAILABLE UNKNOWN UNSUPPORTED`)

// knownCodes are error codes of AWS that are often named in a fault: those that clients act on. AWS
// has many more, so another code is accepted unless it is nearly one of these.
var knownCodes = strings.Fields(`
	AccessDenied AccessDeniedException AlreadyExistsException AuthFailure BandwidthLimitExceeded BucketAlreadyExists
	BucketAlreadyOwnedByYou BucketNotEmpty ConditionalRequestConflict DBInstanceNotFound DBSnapshotNotFound
	DependencyViolation EC2ThrottledException ExpiredToken ExpiredTokenException Forbidden
	InsufficientCapabilitiesException InsufficientPrivilegesException InternalError InternalFailure
	InternalServerError InternalServerException InternalServiceError InvalidAccessKeyId InvalidClientTokenId
	InvalidDBInstanceState InvalidGroup.NotFound InvalidInstanceId InvalidParameter InvalidParameterException
	InvalidParameters InvalidParameterValue InvalidRequest InvalidRequestException InvocationDoesNotExist
	LimitExceeded LimitExceededException MethodNotAllowed NoSuchBucket NoSuchEntity NoSuchHostedZone NoSuchKey
	NoSuchVersion NotFound NotImplemented OperationAborted PreconditionFailed PriorRequestNotComplete
	ProvisionedThroughputExceededException RequestExpired RequestLimitExceeded RequestThrottled
	RequestThrottledException RequestTimeout RequestTimeoutException RequestTimeTooSkewed ResourceNotFound
	ResourceNotFoundException ServiceUnavailable ServiceUnavailableException SignatureDoesNotMatch SlowDown
	ThrottledException Throttling ThrottlingException TokenAlreadyExistsException TooManyRequestsException
	UnauthorizedOperation UnrecognizedClientException ValidationError ValidationException`)

// errorCode is what AWS's codes look like.
var errorCode = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{3,}(\.[A-Za-z0-9]+)*$`)

// checkCode rejects a code that no service answers with.
func (f Fault) checkCode() error {
	switch {
	case f.Code == "":
		return nil
	case f.Service == registryService && !slices.Contains(registryCodes, f.Code):
		return unknownName("code of a registry's error", f.Code, registryCodes)
	case f.Service == registryService, slices.Contains(knownCodes, f.Code):
		return nil
	}
	if nearest := nearestName(f.Code, knownCodes); nearest != "" {
		return fmt.Errorf("AWS has no error code %q; did you mean %s?", f.Code, nearest)
	}
	if !errorCode.MatchString(f.Code) {
		return fmt.Errorf("%q cannot be an error code of AWS; a code is a word such as AccessDenied", f.Code)
	}
	return nil
}

// doubt says that a fault names a resource or a stack that does not exist now, if there is a
// similar one; empty otherwise, because it may come.
func (s *Server) doubt(f Fault) string {
	stacks, resources := s.stacks.Names()
	if nearest := nearestName(f.LogicalID, resources); nearest != "" && !slices.Contains(resources, f.LogicalID) {
		return fmt.Sprintf("no stack has a resource %s now; did you mean %s?", f.LogicalID, nearest)
	}
	if nearest := nearestName(f.Stack, stacks); nearest != "" && !slices.Contains(stacks, f.Stack) {
		return fmt.Sprintf("there is no stack %s now; did you mean %s?", f.Stack, nearest)
	}
	return ""
}
