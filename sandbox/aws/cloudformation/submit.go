package cloudformation

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"perch/sandbox/aws/wire"
)

const (
	maxBody   = 51_200    // Bytes of TemplateBody (AWS docs: CloudFormation quotas).
	maxObject = 1_048_576 // Bytes of the template at TemplateURL.
)

var (
	validName  = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`)
	validToken = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9]*$`)
)

// constraint returns the error for a parameter that violates the API's model.
func constraint(value, at, rule string) *wire.Error {
	return invalid(
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, at, rule,
	)
}

func checkName(name, at string) error {
	switch {
	case name == "":
		return invalid(
			"1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", at,
		)
	case !validName.MatchString(name):
		return constraint(name, at, "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
	case len(name) > 128:
		return constraint(name, at, "have length less than or equal to 128")
	}
	return nil
}

func checkToken(token string) error {
	switch {
	case token == "":
	case len(token) > 128:
		return constraint(token, "clientRequestToken", "have length less than or equal to 128")
	case !validToken.MatchString(token):
		return constraint(token, "clientRequestToken", "satisfy regular expression pattern: [a-zA-Z0-9][-a-zA-Z0-9]*")
	}
	return nil
}

// body returns the template in a call, or previous if the call requests that.
func (c *call) body(previous string) (string, error) {
	body, address := c.form.get("TemplateBody"), c.form.get("TemplateURL")
	switch {
	case c.form.is("UsePreviousTemplate") && (body != "" || address != ""):
		return "", invalid("Either Template URL or Template Body or Use Previous Template must be specified.")
	case c.form.is("UsePreviousTemplate") && previous != "":
		return previous, nil
	case body != "" && address != "":
		return "", invalid("Either Template URL or Template Body must be specified.")
	case len(body) > maxBody:
		return "", constraint(body, "templateBody", fmt.Sprintf("have length less than or equal to %d", maxBody))
	case body != "":
		return body, nil
	case address != "":
		return c.fetch(address)
	}
	return "", invalid("Either Template URL or Template Body must be specified.")
}

// fetch reads a template from S3.
func (c *call) fetch(address string) (string, error) {
	bucket, key, ok := objectAddress(address)
	if !ok || c.config.ReadObject == nil {
		return "", invalid("TemplateURL must be a supported URL.")
	}
	content, err := c.config.ReadObject(c.ctx, bucket, key)
	switch {
	case err != nil:
		return "", invalid("S3 error: %s\nFor more information check "+
			"http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html", message(err))
	case len(content) > maxObject:
		return "", invalid("Template may not exceed %d bytes in size.", maxObject)
	}
	return string(content), nil
}

// objectAddress parses an S3 address: virtual-hosted (BUCKET.s3.REGION.amazonaws.com/KEY), or else
// path style, on any host.
func objectAddress(address string) (bucket, key string, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", false
	}
	path := strings.TrimPrefix(u.Path, "/")
	for _, mark := range []string{".s3.", ".s3-"} {
		if bucket, _, virtual := strings.Cut(u.Hostname(), mark); virtual {
			return bucket, path, path != ""
		}
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key, bucket != "" && key != ""
}

// define makes a definition and its plan from a call and a body. previous is the stack's earlier
// definition; nil for a new stack.
func (c *call) define(body string, previous *definition, id, name string) (definition, *plan, error) {
	t, err := parseTemplate(body)
	if err != nil {
		return definition{}, nil, err
	}
	d := definition{
		Body: body, Description: t.description, NoEcho: t.noEcho(), Tags: c.form.tags(),
		NotificationARNs: c.form.list("NotificationARNs"), RoleARN: c.form.get("RoleARN"),
		Capabilities: c.form.list("Capabilities"),
	}
	earlier := map[string]string{}
	if previous != nil {
		earlier = previous.Parameters
		if !c.form.given("Tags") {
			d.Tags = previous.Tags
		}
		if !c.form.given("NotificationARNs") {
			d.NotificationARNs = previous.NotificationARNs
		}
		if d.RoleARN == "" {
			d.RoleARN = previous.RoleARN
		}
	}
	if err := c.checkRole(d.RoleARN); err != nil {
		return definition{}, nil, err
	}
	if err := checkTags(d.Tags); err != nil {
		return definition{}, nil, err
	}
	if d.Parameters, err = t.parameterValues(c.form.parameters(), earlier); err != nil {
		return definition{}, nil, err
	}
	p, err := c.plan(d, id, name)
	if err != nil {
		return definition{}, nil, err
	}
	if d.Fetched, err = c.readReferences(p); err != nil {
		return definition{}, nil, err
	}
	p.fetched = d.Fetched
	return d, p, checkCapabilities(t, d.Capabilities)
}

// checkRole rejects a service role that does not exist. A stack keeps its role, so if the role is
// deleted later, every operation on the stack fails (AWS docs: CloudFormation service role).
func (c *call) checkRole(arn string) error {
	if arn == "" || c.config.RoleExists == nil || c.config.RoleExists(arn) {
		return nil
	}
	return invalid("Role %s is invalid or cannot be assumed", arn)
}

// checkTags checks the tags against the limits of AWS tags (AWS docs: Tag).
func checkTags(tags []tag) error {
	seen := map[string]bool{}
	for i, t := range tags {
		switch {
		case t.Key == "" || len(t.Key) > 128:
			return constraint(t.Key, fmt.Sprintf("tags.%d.member.key", i+1), "have length between 1 and 128")
		case len(t.Value) > 256:
			return constraint(
				t.Value, fmt.Sprintf("tags.%d.member.value", i+1), "have length less than or equal to 256",
			)
		case strings.HasPrefix(t.Key, "aws:"):
			return invalid("aws: prefixed tag key names are not allowed for external use.")
		case seen[t.Key]:
			return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[t.Key] = true
	}
	if len(tags) > 50 {
		return invalid("Stacks cannot have more than 50 tags")
	}
	return nil
}

// namedIAM has the IAM types that need a capability, with the property that, if it is set, needs
// CAPABILITY_NAMED_IAM.
var namedIAM = map[string]string{
	"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName",
	"AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
	"AWS::IAM::Policy": "", "AWS::IAM::AccessKey": "", "AWS::IAM::UserToGroupAddition": "",
}

// capabilities returns the capability that a template needs, and the types that need it.
func (t *template) capabilities() (needed string, kinds []string) {
	found := map[string]bool{}
	for _, r := range t.resources {
		property, iam := namedIAM[r.kind]
		if !iam {
			continue
		}
		found[r.kind] = true
		if property != "" && r.properties[property] != nil {
			needed = "CAPABILITY_NAMED_IAM"
		} else if needed == "" {
			needed = "CAPABILITY_IAM"
		}
	}
	return needed, sortedKeys(found)
}

func checkCapabilities(t *template, given []string) error {
	needed, _ := t.capabilities()
	if needed == "" || slices.Contains(given, needed) || slices.Contains(given, "CAPABILITY_NAMED_IAM") {
		return nil
	}
	return wire.Errorf(400, "InsufficientCapabilitiesException", "Requires capabilities : [%s]", needed)
}

// repeated looks up a client request token. It reports whether the call is a repeat, and rejects a
// different call with the same token.
func (c *call) repeated(st *stack, action string) (bool, error) {
	token := c.form.get("ClientRequestToken")
	used, ok := st.Tokens[token]
	if token == "" || !ok {
		return false, nil
	}
	if used.Operation == action && used.Input == c.form.input() {
		return true, nil
	}
	return false, wire.Errorf(400, "TokenAlreadyExistsException",
		"The client request token %s has already been used for this stack. Retry the request with a different client "+
			"request token", token)
}

// use stores the call's token.
func (c *call) use(st *stack, action string) {
	if token := c.form.get("ClientRequestToken"); token != "" {
		tokens := maps.Clone(st.Tokens)
		if tokens == nil {
			tokens = map[string]usedToken{}
		}
		tokens[token] = usedToken{action, c.form.input()}
		st.Tokens = tokens
	}
}
