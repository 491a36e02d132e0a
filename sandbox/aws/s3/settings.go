package s3

import (
	"net/http"

	"perch/sandbox/aws/wire"
)

// ownerEnforced is the object ownership setting that turns access control lists off.
const ownerEnforced = "BucketOwnerEnforced"

type publicAccess struct {
	BlockPublicAcls       bool `json:",omitempty"`
	IgnorePublicAcls      bool `json:",omitempty"`
	BlockPublicPolicy     bool `json:",omitempty"`
	RestrictPublicBuckets bool `json:",omitempty"`
}

// encryption is the default encryption of new objects.
type encryption struct {
	Algorithm string
	KMSKey    string `json:",omitempty"`
}

// changeSettings replaces the settings of a bucket with a copy that edit has changed.
func (s *Service) changeSettings(name string, edit func(next *settings) error) error {
	return s.withBucket(name, func(b *bucket) error {
		next := *b.settings
		if err := edit(&next); err != nil {
			return err
		}
		return s.commit(record{Op: opBucket, Bucket: name, Settings: &next})
	})
}

// settingsOf returns the bucket's current settings.
func (s *Service) settingsOf(name string) (found *settings, err error) {
	err = s.withBucket(name, func(b *bucket) error {
		found = b.settings
		return nil
	})
	return found, err
}

// noContent sends status 204 if err is nil. It returns err.
func noContent(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (s *Service) getVersioning(w http.ResponseWriter, r *request) error {
	found, err := s.settingsOf(r.bucket)
	if err != nil {
		return err
	}
	if found.Versioning == "" {
		return reply(w, "VersioningConfiguration")
	}
	return reply(w, "VersioningConfiguration", wire.T("Status", found.Versioning))
}

func (s *Service) putVersioning(w http.ResponseWriter, r *request) error {
	var document struct{ Status, MfaDelete string }
	if err := r.readDocument(&document); err != nil {
		return err
	}
	if document.MfaDelete != "" && document.MfaDelete != "Disabled" {
		return notImplemented()
	}
	return s.changeSettings(r.bucket, func(next *settings) error { return next.setVersioning(document.Status) })
}

func (next *settings) setVersioning(status string) error {
	if status != versioningEnabled && status != versioningSuspended {
		return failf(
			http.StatusBadRequest, "IllegalVersioningConfigurationException",
			"The Versioning element must be specified",
		)
	}
	if next.ObjectLock && status == versioningSuspended {
		return failf(
			http.StatusConflict, "InvalidBucketState",
			"An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
		)
	}
	next.Versioning = status
	return nil
}

func (next *settings) setEncryption(e encryption) error {
	switch e.Algorithm {
	case "AES256", "aws:kms", "aws:kms:dsse":
		next.Encryption = &e
		return nil
	}
	return malformedXML()
}

func (next *settings) setOwnership(ownership string) error {
	switch ownership {
	case ownerEnforced, "BucketOwnerPreferred", "ObjectWriter":
		next.Ownership = ownership
		return nil
	}
	return malformedXML()
}
