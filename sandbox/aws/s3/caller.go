package s3

import (
	"strings"

	"perch/sandbox/aws/access"
)

// checkRole checks that the caller's role allows an action on the bucket or object of the request.
// It allows an empty action.
func (r *request) checkRole(action string) error {
	return r.checkRoleOn(action, r.bucket, r.key)
}

// checkRoleOn is like checkRole, but for the given bucket, or an object in it if key is not empty.
func (r *request) checkRoleOn(action, bucket, key string) error {
	resource := "arn:aws:s3:::" + bucket
	if key != "" {
		resource += "/" + key
	}
	if action == "" {
		return nil
	}
	right := access.Request{Action: action, Resource: resource, Keys: r.tags[bucket]}
	if denial := access.CallerOf(r.Context()).Check(right); denial != nil {
		return accessDenied(denial.Error())
	}
	return nil
}

// hideMissingKey replaces the error NoSuchKey with AccessDenied if the caller's role may not list
// the bucket (AWS docs: GetObject, HeadObject).
func (r *request) hideMissingKey(err error) error {
	if errorCode(err) != "NoSuchKey" {
		return err
	}
	if denied := r.checkRoleOn("s3:ListBucket", r.bucket, ""); denied != nil {
		return denied
	}
	return err
}

// addTagKeys adds the tags of a bucket to the condition keys of the request, if the bucket's
// AbacStatus is Enabled (AWS docs: Enabling ABAC in general purpose buckets). The caller holds mu.
func (r *request) addTagKeys(b *bucket) {
	if b.settings.Kept["AbacStatus"] != "Enabled" {
		return
	}
	keys := map[string][]string{}
	for key, value := range b.settings.Tags {
		keys["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
	}
	r.tags[b.name] = keys
}
