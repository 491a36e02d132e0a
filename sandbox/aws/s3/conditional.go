package s3

import "net/http"

// conditionalWrite is a write with a condition while it is in progress.
type conditionalWrite struct {
	bucket, key string
	// deleted means that the object was deleted successfully after the write began.
	deleted bool
}

// beginConditional registers a write with If-None-Match or If-Match until end is called. It rejects
// conditions that S3 does not implement: PutObject only accepts `*` for If-None-Match (AWS docs:
// "How to prevent object overwrites with conditional writes").
func (s *Service) beginConditional(r *request) (end func(), err error) {
	noneMatch, match := r.Header.Get("If-None-Match"), r.Header.Get("If-Match")
	switch {
	case noneMatch != "" && noneMatch != "*":
		return nil, notImplemented().with("Header", "If-None-Match")
	case noneMatch != "" && match != "":
		return nil, notImplemented().with("Header", "If-Match")
	case noneMatch == "" && match == "":
		return func() {}, nil
	}
	write := &conditionalWrite{bucket: r.bucket, key: r.key}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conditional[r] = write
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conditional, r)
	}, nil
}

// noteDeletion marks the conditional writes to a key that are in progress, because the object was
// deleted. If the deletion changed nothing, it marks none. The caller holds mu.
func (s *Service) noteDeletion(bucket, key string, done deletion) {
	if len(done.change) == 0 {
		return
	}
	for _, write := range s.conditional {
		if write.bucket == bucket && write.key == key {
			write.deleted = true
		}
	}
}

// checkConditions checks a write's If-None-Match and If-Match against the current version. A delete
// marker counts as no object. Of several writes, the first to finish succeeds, and the others fail
// with 412. If the object was deleted after the write began, the write fails with 409 (AWS docs:
// "Conditional write behavior"). If-Match compares the object's ETag, so the write also needs
// s3:GetObject. The caller holds mu.
func (s *Service) checkConditions(b *bucket, r *request) error {
	write := s.conditional[r]
	if write == nil {
		return nil
	}
	match := r.Header.Get("If-Match")
	if match != "" {
		if err := s.checkReadable(b, r); err != nil {
			return err
		}
	}
	current := b.current(r.key)
	switch {
	case write.deleted:
		return conditionalConflict(r.key)
	case match == "" && current != nil:
		return preconditionFailed("If-None-Match")
	case match != "" && current == nil:
		return noSuchKey(r.key, nil)
	case match != "" && !etagListed(match, current.ETag):
		return preconditionFailed("If-Match")
	}
	return nil
}

// checkDeleteCondition checks DeleteObject's If-Match, which general purpose buckets support since
// September 2025. The deletion fails with 404 if there is no object, and with 412 if the object has
// another ETag (AWS docs: "How to perform conditional deletes"). If-Match with an ETag also needs
// s3:GetObject; `*` does not. The caller holds mu.
func (s *Service) checkDeleteCondition(b *bucket, r *request) error {
	match := r.Header.Get("If-Match")
	if match == "" {
		return nil
	}
	if match != "*" {
		if err := s.checkReadable(b, r); err != nil {
			return err
		}
	}
	current := b.current(r.key)
	switch {
	case current == nil:
		return noSuchKey(r.key, nil)
	case !etagListed(match, current.ETag):
		return preconditionFailed("If-Match")
	}
	return nil
}

// checkReadable checks that the caller may read the object.
func (s *Service) checkReadable(b *bucket, r *request) error {
	if err := s.checkPolicy(b, "s3:GetObject", r.key); err != nil {
		return err
	}
	return r.checkRole("s3:GetObject")
}

// current returns the key's current object; nil if it has none or if a delete marker hides it.
func (b *bucket) current(key string) *version {
	e := b.index.get(key)
	if e == nil || e.latest().Marker {
		return nil
	}
	return e.latest()
}

func conditionalConflict(key string) *failure {
	return failf(http.StatusConflict, "ConditionalRequestConflict",
		"The conditional request cannot succeed due to a conflicting operation against this resource.").with("Key", key)
}
