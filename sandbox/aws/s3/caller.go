package s3

import (
	"strings"

	"perch/sandbox/aws/access"
)

// permitted checks that the caller's role may carry out an action on the resource of the request.
// An empty action is always permitted.
func (r *request) permitted(action string) error {
	return r.permittedOn(action, r.bucket, r.key)
}

// permittedOn is permitted for a bucket, or an object in it.
func (r *request) permittedOn(action, bucket, key string) error {
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

// concealed returns the error that a caller gets for a key that does not exist. Only a caller who
// may list the bucket is told that (AWS docs: GetObject, HeadObject).
func (r *request) concealed(err error) error {
	if code(err) != "NoSuchKey" {
		return err
	}
	if denied := r.permittedOn("s3:ListBucket", r.bucket, ""); denied != nil {
		return denied
	}
	return err
}

// compare adds the tags of a bucket to the condition keys of the request, if the bucket has
// AbacStatus (AWS docs: Enabling ABAC in general purpose buckets). The caller holds mu.
func (r *request) compare(b *bucket) {
	if b.settings.Kept["AbacStatus"] != "Enabled" {
		return
	}
	keys := map[string][]string{}
	for key, value := range b.settings.Tags {
		keys["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
	}
	r.tags[b.name] = keys
}
