package s3

import (
	"errors"
	"net/http"
	"time"

	"perch/sandbox/aws/wire"
)

// maxDelete is the maximum number of keys in one DeleteObjects (AWS docs: DeleteObjects).
const maxDelete = 1000

// deletion is the outcome for one key: the change to commit, and the answer to the client.
type deletion struct {
	change []record
	// version is the version or marker that was removed, or the marker that was created; nil if
	// there is none.
	version *version
}

// remove determines what the deletion of a key, or of one version of it, changes in the bucket.
// Without an id, a bucket with versioning gets a marker; if versioning is suspended, the marker
// replaces the null version.
func (s *Service) remove(b *bucket, key, id string, bypass bool) (deletion, error) {
	action := "s3:DeleteObject"
	if id != "" {
		action = "s3:DeleteObjectVersion"
	}
	if err := s.allowed(b, action, key); err != nil {
		return deletion{}, err
	}
	if id == "" && b.settings.Versioning != "" {
		marker := &version{Marker: true}
		b.stamp(s, marker)
		return deletion{[]record{{Op: opPut, Bucket: b.name, Key: key, Version: marker}}, marker}, nil
	}
	if id == "" {
		id = nullVersion
	}
	found, err := b.lookup(key, id)
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
	return noContent(w, s.with(r.bucket, func(b *bucket) error {
		if _, err := s.allowedDeletes(b, 1); err != nil {
			return err
		}
		if err := s.checkDeletion(b, r); err != nil {
			return err
		}
		done, err := s.remove(b, r.key, id, bypasses(r))
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
	claim, err := claimed(r.Header)
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
	if err := wait(r.Context(), s.config.Limits.KeyLatency*time.Duration(len(document.Objects))); err != nil {
		return err
	}
	var nodes []wire.Node
	err = s.with(r.bucket, func(b *bucket) error {
		nodes, err = s.removeAll(r, b, document)
		return err
	})
	if err != nil {
		return err
	}
	return reply(w, "DeleteResult", nodes...)
}

// removeAll deletes the keys one by one. If one fails, it is reported, and the others are still
// deleted. If a key is named twice, the second deletion sees the result of the first.
func (s *Service) removeAll(r *request, b *bucket, document deleteRequest) ([]wire.Node, error) {
	var nodes []wire.Node
	allowed, err := s.allowedDeletes(b, len(document.Objects))
	if err != nil {
		return nil, err
	}
	for i, object := range document.Objects {
		done, err := s.removeOne(r, b, object, i < allowed)
		if err != nil {
			nodes = append(nodes, rejected(object, err))
			continue
		}
		if err := s.commit(done.change...); err != nil {
			return nil, err
		}
		s.noteDeletion(b.name, object.Key, done)
		if !document.Quiet {
			nodes = append(nodes, deleted(b, object, done.version))
		}
	}
	return nodes, nil
}

// removeOne is remove for one of several keys. The key may be over the bucket's limit, or fail
// because of a fault.
func (s *Service) removeOne(r *request, b *bucket, object deleteKey, allowed bool) (deletion, error) {
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
	if err := r.permittedOn(action, b.name, object.Key); err != nil {
		return deletion{}, err
	}
	return s.remove(b, object.Key, object.VersionID, bypasses(r))
}

func deleted(b *bucket, object deleteKey, v *version) wire.Node {
	nodes := []wire.Node{wire.T("Key", object.Key)}
	if object.VersionID != "" {
		nodes = append(nodes, wire.T("VersionId", object.VersionID))
	}
	if v != nil && v.Marker && b.settings.Versioning != "" {
		nodes = append(nodes, wire.T("DeleteMarker", "true"), wire.T("DeleteMarkerVersionId", v.ID))
	}
	return wire.N("Deleted", nodes...)
}

// rejected returns the error of one key. In DeleteObjects, S3 answers an invalid id like a version
// that does not exist.
func rejected(object deleteKey, err error) wire.Node {
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
