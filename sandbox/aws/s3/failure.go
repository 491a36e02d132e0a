package s3

import (
	"errors"
	"net/http"
	"strconv"

	"perch/sandbox/aws/wire"
)

// failure is an S3 error with the additional elements and headers of its response.
type failure struct {
	cause   *wire.Error
	details []wire.Node
	header  map[string]string
}

func failf(status int, code, format string, args ...any) *failure {
	return &failure{cause: wire.Errorf(status, code, format, args...)}
}

func (f *failure) Error() string { return f.cause.Error() }

// with adds an element to the error document.
func (f *failure) with(name, text string) *failure {
	f.details = append(f.details, wire.T(name, text))
	return f
}

func (f *failure) withHeader(name, value string) *failure {
	if f.header == nil {
		f.header = map[string]string{}
	}
	f.header[name] = value
	return f
}

// WriteError sends err as an S3 error response. Fault injection uses it.
func (s *Service) WriteError(w http.ResponseWriter, r *http.Request, err *wire.Error) {
	s.fail(w, newRequest(r), &failure{cause: err})
}

// fail sends an error response. If err is not an S3 error, it logs err and sends InternalError.
func (s *Service) fail(w http.ResponseWriter, r *request, err error) {
	var f *failure
	if !errors.As(err, &f) {
		s.config.Logger.Error("S3 request failed", "method", r.Method, "bucket", r.bucket, "key", r.key, "error", err)
		f = failf(
			http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.",
		)
	}
	for name, value := range f.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("x-amz-request-id", r.id)
	w.Header().Set("x-amz-id-2", r.hostID)
	if r.Method == http.MethodHead || f.cause.Status == http.StatusNotModified {
		w.WriteHeader(f.cause.Status)
		return
	}
	document := wire.N("Error", wire.T("Code", f.cause.Code), wire.T("Message", f.cause.Message))
	document.Children = append(document.Children, f.details...)
	document.Children = append(document.Children, wire.T("RequestId", r.id), wire.T("HostId", r.hostID))
	writeDocument(w, f.cause.Status, render(document, ""))
}

func notImplemented() *failure {
	return failf(
		http.StatusNotImplemented, "NotImplemented",
		"A header you provided implies functionality that is not implemented",
	)
}

func accessDenied(message string) *failure {
	return failf(http.StatusForbidden, "AccessDenied", "%s", message)
}

func malformedXML() *failure {
	return failf(
		http.StatusBadRequest, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema",
	)
}

func invalidRequest(format string, args ...any) *failure {
	return failf(http.StatusBadRequest, "InvalidRequest", format, args...)
}

func invalidArgument(message, name, value string) *failure {
	return failf(http.StatusBadRequest, "InvalidArgument", "%s", message).with("ArgumentName", name).with(
		"ArgumentValue", value,
	)
}

func invalidVersion(name, value string) *failure {
	return invalidArgument("Invalid version id specified", name, value)
}

func noSuchBucket(name string) *failure {
	return failf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist").with(
		"BucketName", name,
	)
}

// noSuchKey returns the error for a key without versions, or for a key whose newest version is
// marker.
func noSuchKey(key string, marker *version) *failure {
	f := failf(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.").with("Key", key)
	if marker != nil {
		f.withHeader("x-amz-delete-marker", "true").withHeader("x-amz-version-id", marker.ID)
	}
	return f
}

func noSuchVersion(key, id string) *failure {
	return failf(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.").with("Key", key).with(
		"VersionId", id,
	)
}

func markerNotAllowed(marker *version) *failure {
	return failf(
		http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.",
	).
		with("Method", "GET").with("ResourceType", "DeleteMarker").
		withHeader("Allow", "DELETE").withHeader("x-amz-delete-marker", "true").withHeader(
		"x-amz-version-id", marker.ID,
	).
		withHeader("Last-Modified", marker.Modified.Format(http.TimeFormat))
}

func keyTooLong(size int) *failure {
	return failf(http.StatusBadRequest, "KeyTooLongError", "Your key is too long").
		with("Size", strconv.Itoa(size)).with("MaxSizeAllowed", strconv.Itoa(maxKey))
}

func preconditionFailed(condition string) *failure {
	return failf(
		http.StatusPreconditionFailed, "PreconditionFailed",
		"At least one of the pre-conditions you specified did not hold",
	).with("Condition", condition)
}

func bucketNotEmpty(name string) *failure {
	return failf(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty").with(
		"BucketName", name,
	)
}

func objectLocked() *failure {
	return accessDenied("Access Denied because object protected by object lock.")
}
