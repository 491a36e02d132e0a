package s3

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"perch/sandbox/aws/access"
)

// policy is the part of a bucket policy that the service enforces: what it denies to everyone. The
// service also stores statements with a condition or for single principals, but they have no
// effect. No statement needs to allow anything, because every caller is the account's root user.
type policy struct {
	Statement list[statement]
}

type statement struct {
	Effect       string
	Principal    any
	NotPrincipal any
	Action       list[string]
	NotAction    list[string]
	Resource     list[string]
	NotResource  list[string]
	Condition    map[string]any
}

// list is a JSON value that is one E or an array of them.
type list[E any] []E

func (l *list[E]) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]E)(l))
	}
	var one E
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*l = list[E]{one}
	return nil
}

func malformedPolicy(message string) *failure {
	return failf(http.StatusBadRequest, "MalformedPolicy", "%s", message)
}

// parsePolicy parses a policy for the bucket. It rejects what S3 rejects.
func parsePolicy(document, bucket string) (*policy, error) {
	if !strings.HasPrefix(document, "{") {
		return nil, malformedPolicy("Policies must be valid JSON and the first byte must be '{'")
	}
	var p policy
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return nil, malformedPolicy("This policy contains invalid Json")
	}
	if len(p.Statement) == 0 {
		return nil, malformedPolicy("Missing required field Statement")
	}
	for _, s := range p.Statement {
		if err := s.validate(bucket); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

// parsedPolicy parses a policy that was checked before it was stored.
func parsedPolicy(document string) *policy {
	if document == "" {
		return nil
	}
	p, _ := parsePolicy(document, "")
	return p
}

func (s statement) validate(bucket string) error {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return malformedPolicy("Invalid effect: " + s.Effect)
	case s.Principal == nil && s.NotPrincipal == nil:
		return malformedPolicy("Missing required field Principal")
	case len(s.Action) == 0 && len(s.NotAction) == 0:
		return malformedPolicy("Missing required field Action")
	case len(s.Resource) == 0 && len(s.NotResource) == 0:
		return malformedPolicy("Missing required field Resource")
	}
	for _, action := range append(s.Action, s.NotAction...) {
		if action != "*" && !strings.HasPrefix(strings.ToLower(action), "s3:") {
			return malformedPolicy("Policy has invalid action")
		}
	}
	for _, resource := range append(s.Resource, s.NotResource...) {
		if bucket != "" && !matchesBucket(resource, bucket) {
			return malformedPolicy("Policy has invalid resource")
		}
	}
	return nil
}

// matchesBucket reports whether a resource pattern matches the bucket or objects in it.
func matchesBucket(resource, bucket string) bool {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "s3" {
		return false
	}
	name, _, _ := strings.Cut(parts[5], "/")
	return access.Like(name, bucket)
}

func anyLike(patterns []string, text string) bool {
	for _, pattern := range patterns {
		if access.Like(pattern, text) {
			return true
		}
	}
	return false
}

// forEveryone reports whether the statement is for all principals.
func (s statement) forEveryone() bool {
	if s.Principal == "*" {
		return true
	}
	byKind, _ := s.Principal.(map[string]any)
	switch named := byKind["AWS"].(type) {
	case string:
		return named == "*"
	case []any:
		for _, principal := range named {
			if principal == "*" {
				return true
			}
		}
	}
	return false
}

func (s statement) denies(action, resource string) bool {
	if s.Effect != "Deny" || len(s.Condition) > 0 || !s.forEveryone() {
		return false
	}
	actions, resources := s.Action, s.Resource
	if len(actions) == 0 {
		actions = s.NotAction
	}
	if len(resources) == 0 {
		resources = s.NotResource
	}
	actionHit := false
	for _, pattern := range actions {
		actionHit = actionHit || access.Like(strings.ToLower(pattern), strings.ToLower(action))
	}
	return actionHit == (len(s.Action) > 0) && anyLike(resources, resource) == (len(s.Resource) > 0)
}

// checkPolicy returns an error if the bucket's policy denies an action to everyone. The caller
// holds mu.
func (s *Service) checkPolicy(b *bucket, action, key string) error {
	if b.policy == nil || action == "" {
		return nil
	}
	resource := "arn:aws:s3:::" + b.name
	if key != "" {
		resource += "/" + key
	}
	for _, statement := range b.policy.Statement {
		if statement.denies(action, resource) {
			return accessDenied(fmt.Sprintf("User: arn:aws:iam::%s:root is not authorized to perform: %s on "+
				"resource: %q with an explicit deny in a resource-based policy",
				s.config.Account, action, resource))
		}
	}
	return nil
}

// setPolicy checks a policy document and sets it as the bucket's policy.
func (next *settings) setPolicy(account, bucket, document string) error {
	p, err := parsePolicy(document, bucket)
	if err != nil {
		return err
	}
	if next.PublicAccess != nil && next.PublicAccess.BlockPublicPolicy {
		for _, s := range p.Statement {
			if s.Effect == "Allow" && s.forEveryone() && len(s.Condition) == 0 {
				return accessDenied(fmt.Sprintf(
					"User: arn:aws:iam::%s:root is not authorized to perform: s3:PutBucketPolicy on resource: "+
						"\"arn:aws:s3:::%s\" "+
						"because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public "+
						"Access.",
					account, bucket,
				))
			}
		}
	}
	next.Policy = document
	return nil
}

func (s *Service) getPolicy(w http.ResponseWriter, r *request) error {
	found, err := s.settingsOf(r.bucket)
	if err != nil {
		return err
	}
	if found.Policy == "" {
		return failf(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist").with(
			"BucketName", r.bucket,
		)
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = io.WriteString(w, found.Policy)
	return err
}

// maxPolicy is the maximum size of a bucket policy in bytes (AWS docs: "Policies and permissions in
// Amazon S3", 20 KB).
const maxPolicy = 20 << 10

func (s *Service) putPolicy(w http.ResponseWriter, r *request) error {
	document, err := r.readBody(maxPolicy)
	if err != nil {
		return err
	}
	return noContent(w, s.changeSettings(r.bucket, func(next *settings) error {
		return next.setPolicy(s.config.Account, r.bucket, document)
	}))
}

func (s *Service) deletePolicy(w http.ResponseWriter, r *request) error {
	return noContent(w, s.changeSettings(r.bucket, func(next *settings) error { next.Policy = ""; return nil }))
}
