package s3

import (
	"net/http"
	"strconv"

	"perch/sandbox/aws/wire"
)

// ownerEnforced is the ownership that turns access control lists off.
const ownerEnforced = "BucketOwnerEnforced"

type publicAccess struct {
	BlockPublicAcls       bool `json:",omitempty"`
	IgnorePublicAcls      bool `json:",omitempty"`
	BlockPublicPolicy     bool `json:",omitempty"`
	RestrictPublicBuckets bool `json:",omitempty"`
}

type encryption struct {
	Rule encryptionRule
}

type encryptionRule struct {
	Default   encryptionDefault `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKey bool              `xml:"BucketKeyEnabled"`
}

type encryptionDefault struct {
	Algorithm string `xml:"SSEAlgorithm"`
	KMSKey    string `xml:"KMSMasterKeyID"`
}

// change replaces the settings of a bucket by what edit makes of a copy.
func (s *Service) change(name string, edit func(next *settings) error) error {
	return s.with(name, func(b *bucket) error {
		next := *b.settings
		if err := edit(&next); err != nil {
			return err
		}
		return s.commit(record{Op: opBucket, Bucket: name, Settings: &next})
	})
}

// settingsOf are the bucket's settings at this moment.
func (s *Service) settingsOf(name string) (found *settings, err error) {
	err = s.with(name, func(b *bucket) error {
		found = b.settings
		return nil
	})
	return found, err
}

// noContent ends an operation that answers 204.
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
	return s.change(r.bucket, func(next *settings) error { return next.version(document.Status) })
}

func (next *settings) version(status string) error {
	if status != versioningEnabled && status != versioningSuspended {
		return failf(http.StatusBadRequest, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	if next.ObjectLock && status == versioningSuspended {
		return failf(http.StatusConflict, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
	}
	next.Versioning = status
	return nil
}

func (s *Service) getPublicAccess(w http.ResponseWriter, r *request) error {
	found, err := s.settingsOf(r.bucket)
	if err != nil {
		return err
	}
	access := found.PublicAccess
	if access == nil {
		return failf(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found").with("BucketName", r.bucket)
	}
	return reply(w, "PublicAccessBlockConfiguration",
		wire.T("BlockPublicAcls", strconv.FormatBool(access.BlockPublicAcls)),
		wire.T("IgnorePublicAcls", strconv.FormatBool(access.IgnorePublicAcls)),
		wire.T("BlockPublicPolicy", strconv.FormatBool(access.BlockPublicPolicy)),
		wire.T("RestrictPublicBuckets", strconv.FormatBool(access.RestrictPublicBuckets)))
}

func (s *Service) putPublicAccess(w http.ResponseWriter, r *request) error {
	var document publicAccess
	if err := r.readDocument(&document); err != nil {
		return err
	}
	return s.change(r.bucket, func(next *settings) error { next.PublicAccess = &document; return nil })
}

func (s *Service) deletePublicAccess(w http.ResponseWriter, r *request) error {
	return noContent(w, s.change(r.bucket, func(next *settings) error { next.PublicAccess = nil; return nil }))
}

func (s *Service) getEncryption(w http.ResponseWriter, r *request) error {
	found, err := s.settingsOf(r.bucket)
	if err != nil {
		return err
	}
	rule := found.Encryption.Rule
	byDefault := []wire.Node{wire.T("SSEAlgorithm", rule.Default.Algorithm)}
	if rule.Default.KMSKey != "" {
		byDefault = append(byDefault, wire.T("KMSMasterKeyID", rule.Default.KMSKey))
	}
	return reply(w, "ServerSideEncryptionConfiguration", wire.N("Rule",
		wire.N("ApplyServerSideEncryptionByDefault", byDefault...),
		wire.T("BucketKeyEnabled", strconv.FormatBool(rule.BucketKey))))
}

func (s *Service) putEncryption(w http.ResponseWriter, r *request) error {
	var document encryption
	if err := r.readDocument(&document); err != nil {
		return err
	}
	return s.change(r.bucket, func(next *settings) error { return next.encrypt(document) })
}

func (next *settings) encrypt(e encryption) error {
	switch e.Rule.Default.Algorithm {
	case "AES256", "aws:kms", "aws:kms:dsse":
		next.Encryption = &e
		return nil
	}
	return malformedXML()
}

// deleteEncryption puts the bucket back to S3's own keys: a bucket without encryption does not exist since January 2023 (AWS docs:
// "Amazon S3 now automatically encrypts all new objects").
func (s *Service) deleteEncryption(w http.ResponseWriter, r *request) error {
	return noContent(w, s.change(r.bucket, func(next *settings) error { next.Encryption = newSettings().Encryption; return nil }))
}

func (s *Service) getOwnership(w http.ResponseWriter, r *request) error {
	found, err := s.settingsOf(r.bucket)
	if err != nil {
		return err
	}
	if found.Ownership == "" {
		return failf(http.StatusNotFound, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found").with("BucketName", r.bucket)
	}
	return reply(w, "OwnershipControls", wire.N("Rule", wire.T("ObjectOwnership", found.Ownership)))
}

func (s *Service) putOwnership(w http.ResponseWriter, r *request) error {
	var document struct {
		Rule struct{ ObjectOwnership string }
	}
	if err := r.readDocument(&document); err != nil {
		return err
	}
	return s.change(r.bucket, func(next *settings) error { return next.own(document.Rule.ObjectOwnership) })
}

func (next *settings) own(ownership string) error {
	switch ownership {
	case ownerEnforced, "BucketOwnerPreferred", "ObjectWriter":
		next.Ownership = ownership
		return nil
	}
	return malformedXML()
}

func (s *Service) deleteOwnership(w http.ResponseWriter, r *request) error {
	return noContent(w, s.change(r.bucket, func(next *settings) error { next.Ownership = ""; return nil }))
}
