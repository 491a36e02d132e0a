package s3

import (
	"errors"
	"net/http"
	"time"

	"perch/sandbox/aws/wire"
)

// maxDelete is the maximum number of keys in one DeleteObjects (AWS docs: DeleteObjects).
const maxDelete = 1000

// deletion is the result for one key: the change to commit, and the version in the response.
type deletion struct {
	change []record
	// version is the version or marker that was removed, or the marker that was created; nil if
	// there is none.
	version *version
}

// planDeletion returns what the deletion of a key, or of one version of it, changes in the bucket.
// The caller commits the change. Without an id, a bucket with versioning gets a marker; if
// versioning is suspended, the marker replaces the null version.
func (s *Service) planDeletion(b *bucket, key, id string, bypass bool) (deletion, error) {
	action := "s3:DeleteObject"
	if id != "" {
		action = "s3:DeleteObjectVersion"
	}
	if err := s.checkPolicy(b, action, key); err != nil {
		return deletion{}, err
	}
	if id == "" && b.settings.Versioning != "" {
		marker := &version{Marker: true}
		b.numberVersion(s, marker)
		return deletion{[]record{{Op: opPut, Bucket: b.name, Key: key, Version: marker}}, marker}, nil
	}
	if id == "" {
		id = nullVersion
	}
	found, err := b.findVersion(key, id)
	if err != nil || found == nil {
		return deletion{}, err
	}
	if found.locked(now(), bypass) {
		return deletion{}, objectLocked()
	}
	return deletion{[]record{{Op: opRemove, Bucket: b.name, Key: key, Seq: found.Seq}}, found}, nil
}

func (s *Service) deleteObject(w http.ResponseWriter, r *request) error {
	id := r.query.Get("versionId")
	return noContent(w, s.withBucket(r.bucket, func(b *bucket) error {
		if _, err := s.allowedDeletes(b, 1); err != nil {
			return err
		}
		if err := s.checkDeleteCondition(b, r); err != nil {
			return err
		}
		done, err := s.planDeletion(b, r.key, id, bypassesGovernance(r))
		if err != nil {
			return err
		}
		if id != "" {
			w.Header().Set("x-amz-version-id", id)
		}
		if v := done.version; v != nil {
			b.writeVersionID(w.Header(), v)
			if v.Marker {
				w.Header().Set("x-amz-delete-marker", "true")
			}
		}
		s.noteDeletion(b.name, r.key, done)
		return s.commit(done.change...)
	}))
}

type deleteRequest struct {
	XMLName struct{} `xml:"Delete"`
	Quiet   bool
	Objects []deleteKey `xml:"Object"`
}

type deleteKey struct {
	Key       string
	VersionID string `xml:"VersionId"`
}

// parseDelete reads the body of DeleteObjects.
func parseDelete(body string) (deleteRequest, error) {
	var document deleteRequest
	if err := unmarshal(body, &document); err != nil {
		return document, err
	}
	if len(document.Objects) == 0 || len(document.Objects) > maxDelete {
		return document, malformedXML()
	}
	for _, object := range document.Objects {
		if object.Key == "" {
			return document, failf(http.StatusBadRequest, "UserKeyMustBeSpecified", "The bucket POST must contain "+
				"the specified field name. If it is specified, please check the order of the fields.")
		}
	}
	return document, nil
}

func (s *Service) deleteObjects(w http.ResponseWriter, r *request) error {
	claim, err := statedChecksum(r.Header)
	if err != nil {
		return err
	}
	if claim.Algorithm == "" && r.Header.Get("Content-MD5") == "" {
		return invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	body, err := r.readBody(maxDocument)
	if err != nil {
		return err
	}
	document, err := parseDelete(body)
	if err != nil {
		return err
	}
	if err := waitFor(r.Context(), s.config.Limits.KeyLatency*time.Duration(len(document.Objects))); err != nil {
		return err
	}
	var nodes []wire.Node
	err = s.withBucket(r.bucket, func(b *bucket) error {
		nodes, err = s.deleteKeys(r, b, document)
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, "DeleteResult", nodes...)
}

// deleteKeys deletes the keys one by one. If one of them fails, the response contains its error,
// and deleteKeys continues with the others. If a key is listed twice, the second deletion sees the
// result of the first.
func (s *Service) deleteKeys(r *request, b *bucket, document deleteRequest) ([]wire.Node, error) {
	var nodes []wire.Node
	allowed, err := s.allowedDeletes(b, len(document.Objects))
	if err != nil {
		return nil, err
	}
	for i, object := range document.Objects {
		done, err := s.planKeyDeletion(r, b, object, i < allowed)
		if err != nil {
			nodes = append(nodes, errorNode(object, err))
			continue
		}
		if err := s.commit(done.change...); err != nil {
			return nil, err
		}
		s.noteDeletion(b.name, object.Key, done)
		if !document.Quiet {
			nodes = append(nodes, deletedNode(b, object, done.version))
		}
	}
	return nodes, nil
}

// planKeyDeletion is planDeletion for one of the keys of DeleteObjects. It also fails if the key is
// over the bucket's limit, if Config.FailKey makes it fail, or if the caller's role does not allow
// the deletion.
func (s *Service) planKeyDeletion(r *request, b *bucket, object deleteKey, allowed bool) (deletion, error) {
	if !allowed {
		return deletion{}, slowDown()
	}
	if s.config.FailKey != nil {
		if code, message := s.config.FailKey(b.name, object.Key); code != "" {
			return deletion{}, failf(http.StatusInternalServerError, code, "%s", message)
		}
	}
	action := "s3:DeleteObject"
	if object.VersionID != "" {
		action = "s3:DeleteObjectVersion"
	}
	if err := r.checkRoleOn(action, b.name, object.Key); err != nil {
		return deletion{}, err
	}
	return s.planDeletion(b, object.Key, object.VersionID, bypassesGovernance(r))
}

func deletedNode(b *bucket, object deleteKey, v *version) wire.Node {
	nodes := []wire.Node{wire.T("Key", object.Key)}
	if object.VersionID != "" {
		nodes = append(nodes, wire.T("VersionId", object.VersionID))
	}
	if v != nil && v.Marker && b.settings.Versioning != "" {
		nodes = append(nodes, wire.T("DeleteMarker", "true"), wire.T("DeleteMarkerVersionId", v.ID))
	}
	return wire.N("Deleted", nodes...)
}

// errorNode returns the Error element of one key. In DeleteObjects, an invalid version id has the
// same error as a version that does not exist.
func errorNode(object deleteKey, err error) wire.Node {
	var f *failure
	if !errors.As(err, &f) {
		f = failf(
			http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.",
		)
	}
	if f.cause.Code == "InvalidArgument" {
		f = noSuchVersion(object.Key, object.VersionID)
	}
	nodes := []wire.Node{wire.T("Key", object.Key)}
	if object.VersionID != "" {
		nodes = append(nodes, wire.T("VersionId", object.VersionID))
	}
	return wire.N("Error", append(nodes, wire.T("Code", f.cause.Code), wire.T("Message", f.cause.Message))...)
}
