package s3

import (
	"context"
	"encoding/json"
	"net/http"

	"perch/sandbox/aws/resource"
)

// policyHandler implements AWS::S3::BucketPolicy. The resource's id is its bucket's name.
type policyHandler struct{ s *Service }

func (h policyHandler) Create(_ context.Context, r resource.Request) (resource.State, error) {
	return h.put(r, func(before, wanted string) error {
		if before == "" || before == wanted {
			return nil
		}
		bucket, _ := r.Properties["Bucket"].(string)
		return &resource.Error{Service: "S3", Message: "The bucket policy already exists on bucket " + bucket +
			".", Status: http.StatusConflict, Code: "AlreadyExists"}
	})
}

func (h policyHandler) Update(_ context.Context, r resource.Request) (resource.State, error) {
	return h.put(r, func(string, string) error { return nil })
}

func (h policyHandler) put(r resource.Request, check func(before, wanted string) error) (resource.State, error) {
	bucket, _ := r.Properties["Bucket"].(string)
	document, ok := r.Properties["PolicyDocument"]
	if bucket == "" || !ok {
		return resource.State{}, invalidProperty(
			"Properties validation failed: #: required key [Bucket] or [PolicyDocument] not found",
		)
	}
	wanted, isText := document.(string)
	if !isText {
		text, err := json.Marshal(document)
		if err != nil {
			return resource.State{}, invalidProperty("Model validation failed: " + err.Error())
		}
		wanted = string(text)
	}
	err := h.s.changeSettings(bucket, func(next *settings) error {
		if err := check(next.Policy, wanted); err != nil {
			return err
		}
		return next.setPolicy(h.s.config.Account, bucket, wanted)
	})
	if err != nil {
		return resource.State{}, asHandlerError(err)
	}
	return resource.State{ID: bucket}, nil
}

func (h policyHandler) Delete(_ context.Context, r resource.Request) error {
	err := h.s.changeSettings(r.PhysicalID, func(next *settings) error { next.Policy = ""; return nil })
	if errorCode(err) == "NoSuchBucket" {
		return nil
	}
	return asHandlerError(err)
}
