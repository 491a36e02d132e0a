package aws

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"perch/config"
	"perch/sandbox/aws/cloudformation"
	"perch/sandbox/aws/s3"
	"perch/sandbox/aws/services"
)

// faultActions returns the actions that a fault can name, by service.
func faultActions() map[string][]string {
	actions := services.Actions()
	actions["cloudformation"] = cloudformation.Actions()
	actions["s3"] = s3.Operations()
	actions["route53"] = services.Route53Actions()
	actions[registryService] = []string{registryAction}
	return actions
}

// checkNames rejects a fault with a name that does not exist, because it would never strike.
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

// logicalID and stackName match the names that CloudFormation accepts (API reference: CreateStack;
// user guide: Resources).
var (
	logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)
	stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)
)

// maxListed is the maximum number of names that a rejection lists.
const maxListed = 60

// unknownName returns an error that suggests the most similar name or, if none is similar, lists
// all names if they are few.
func unknownName(key, name string, known []string) error {
	switch nearest := nearestName(name, known); {
	case nearest != "":
		return fmt.Errorf("there is no %s %q here; did you mean %s?", key, name, nearest)
	case len(known) <= maxListed:
		return fmt.Errorf("there is no %s %q here; there are %s", key, name, strings.Join(known, ", "))
	}
	return fmt.Errorf("no service has the %s %q here; add the service to see its names", key, name)
}

// nearestName returns the most similar of names, ignoring case; empty if none is similar.
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
// Codes), and those of Docker's registry for a server that fails.
var registryCodes = strings.Fields(`
	BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DENIED DIGEST_INVALID MANIFEST_BLOB_UNKNOWN MANIFEST_INVALID
	MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID TOOMANYREQUESTS UNAUTHORIZED UNAVAILABLE UNKNOWN UNSUPPORTED`)

// knownCodes are the AWS error codes that faults often name, because clients act on them. AWS has
// many more, so any other code is accepted unless it is very similar to one of these.
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

// errorCode matches the form of AWS's codes.
var errorCode = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{3,}(\.[A-Za-z0-9]+)*$`)

// checkCode rejects a code that no service returns.
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

// doubt returns a sentence if the fault names a resource or stack that does not exist now and is
// similar to one that does. Otherwise it is empty, because the resource may be created later.
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
