package s3

import (
	"net/http"
	"time"

	"perch/sandbox/aws/wire"
)

func requireObjectLock(b *bucket) error {
	if b.settings.ObjectLock {
		return nil
	}
	return invalidRequest("Bucket is missing Object Lock Configuration")
}

// getObjectLock returns whether the bucket has Object Lock. If it does not, the error is that of S3
// (S3 API reference: GetObjectLockConfiguration).
func (s *Service) getObjectLock(w http.ResponseWriter, r *request) error {
	return s.withBucket(r.bucket, func(b *bucket) error {
		if !b.settings.ObjectLock {
			return failf(
				http.StatusNotFound, "ObjectLockConfigurationNotFoundError",
				"Object Lock configuration does not exist for this bucket",
			)
		}
		return reply(w, "ObjectLockConfiguration", wire.T("ObjectLockEnabled", "Enabled"))
	})
}

// setRetention sets a new version's retention according to a request's headers.
func (v *version) setRetention(header http.Header) error {
	mode, until := header.Get("x-amz-object-lock-mode"), header.Get("x-amz-object-lock-retain-until-date")
	switch {
	case mode == "" && until == "":
		return nil
	case mode == "" || until == "":
		return invalidArgument("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
			"x-amz-object-lock-mode", mode)
	case mode != "GOVERNANCE" && mode != "COMPLIANCE":
		return invalidArgument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
	}
	date, err := time.Parse(time.RFC3339, until)
	if err != nil || !date.After(now()) {
		return invalidArgument(
			"The retain until date must be in the future!", "x-amz-object-lock-retain-until-date", until,
		)
	}
	v.Mode, v.Until = mode, date.UTC()
	return nil
}

// bypassesGovernance reports whether the request overrides retention in governance mode.
func bypassesGovernance(r *request) bool {
	return r.Header.Get("x-amz-bypass-governance-retention") == "true"
}
