package services

import (
	"fmt"

	"perch/sandbox/aws/wire"
)

// storageLocation returns the name of Elastic Beanstalk's bucket. An account has one in each
// region, which all environments share. It belongs to no stack and has no tags (AWS docs: Using
// Elastic Beanstalk with Amazon S3).
func (s *Service) storageLocation() string {
	return "elasticbeanstalk-" + s.config.Region + "-" + s.config.Account
}

// storagePolicy forbids the deletion of the bucket, like the policy that Elastic Beanstalk sets.
// That policy also allows instance roles to read the bucket, which the sandbox does not check.
const storagePolicy = `{"Version": "2008-10-17", "Statement": [{"Sid": "eb-58950a8c-feb6-11e2-89e0-0800277d041b", ` +
	`"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:DeleteBucket", "Resource": "arn:aws:s3:::%s"}]}`

// createStorage creates Elastic Beanstalk's bucket if it does not exist.
func (s *Service) createStorage() error {
	if s.config.Storage == nil {
		return nil
	}
	return s.config.Storage.Provide(s.storageLocation(), fmt.Sprintf(storagePolicy, s.storageLocation()))
}

func createStorageLocation(s *Service, _ form) ([]wire.Node, error) {
	return []wire.Node{wire.T("S3Bucket", s.storageLocation())}, s.createStorage()
}

// deployBundle copies the source bundle of an environment's version to the key from which its
// instances read it: resources/environments/ID/_runtime/_versions/APPLICATION/LABEL (error reports
// in apache/grails-core, pull request 16260). If the version is already deployed, it copies
// nothing.
func (s *Service) deployBundle(env *record) error {
	if err := s.createStorage(); err != nil || s.config.Storage == nil {
		return err
	}
	label := env.Properties.text("VersionLabel")
	if label == "" || label == env.Hidden["bundle"] {
		return nil
	}
	bundle := s.version(env.Scope, label).Properties.child("SourceBundle")
	bucket, key := bundle.text("S3Bucket"), bundle.text("S3Key")
	copied := "resources/environments/" + env.Hidden["EnvironmentId"] + "/_runtime/_versions/" + env.Scope + "/" + label
	if err := s.config.Storage.Copy(bucket, key, s.storageLocation(), copied); err != nil {
		return invalidRequest(
			beanstalk, "Unable to download from S3 location (Bucket: %s  Key: %s). Reason: %v", bucket, key, err,
		)
	}
	env.Hidden["bundle"] = label
	return nil
}
