package run

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"perch"
	"perch/sandbox/aws/services"
)

// documents is the folder of the IAM documents that docs/iam.md installs.
const documents = "../../deploy/iam"

// bind gives a worker of the policy's project the role perch-worker, and its stacks the role
// perch-cloudformation, both with the documents of deploy/iam, as docs/iam.md installs them. It
// returns the configuration with which the worker reaches AWS.
func (b *bench) bind(p *perch.Policy) (awssdk.Config, error) {
	config := b.awsConfig()
	if p.Account != account || p.ServiceRole != "" {
		return config, nil // Moto enforces nothing, and a test that names a role brings it.
	}
	suffix := ""
	if p.Project != b.name {
		suffix = "-" + p.Project // Every project of a shared sandbox has separate roles.
	}
	role := "arn:aws:iam::" + account + ":role/perch-cloudformation" + suffix
	files, err := filepath.Glob(documents + "/*.json")
	if err != nil || len(files) == 0 {
		return config, fmt.Errorf("%d IAM documents in %s: %w", len(files), documents, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		owners := map[string]bool{
			"perch-cloudformation" + suffix: !strings.HasPrefix(name, "worker"),
			"perch-worker" + suffix:         !strings.HasPrefix(name, "cloudformation"),
		}
		for owner, owns := range owners {
			if !owns {
				continue
			}
			if err := b.attach(owner, file, p, role); err != nil {
				return config, err
			}
		}
	}
	p.ServiceRole = role
	key, err := b.assume("arn:aws:iam::" + account + ":role/perch-worker" + suffix)
	config.Credentials = credentials.NewStaticCredentialsProvider(key, "secret", "")
	return config, err
}

// attach creates a role, if it does not exist, and attaches the document in a file.
func (b *bench) attach(role, file string, p *perch.Policy, serviceRole string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	seeds := "no-seeds"
	for _, from := range p.Seeds.From {
		seeds, _, _ = strings.Cut(strings.TrimPrefix(from, "s3://"), "/")
	}
	values := strings.NewReplacer(
		"role/perch-cloudformation",
		strings.TrimPrefix(serviceRole, "arn:aws:iam::"+account+":"),
		"PROJECT",
		p.Project,
		"ACCOUNT",
		account,
		"REGION",
		region,
		"ZONE",
		services.HostedZone,
		"SEEDS",
		seeds,
	)
	name := strings.TrimSuffix(filepath.Base(file), ".json") + "." + p.Project
	for _, call := range []url.Values{
		{"Action": {"CreateRole"}, "RoleName": {role}, "AssumeRolePolicyDocument": {"{}"}},
		{"Action": {"CreatePolicy"}, "PolicyName": {name}, "PolicyDocument": {values.Replace(string(text))}},
		{
			"Action": {"AttachRolePolicy"}, "RoleName": {role},
			"PolicyArn": {"arn:aws:iam::" + account + ":policy/" + name},
		},
	} {
		call.Set("Version", "2010-05-08")
		if _, err := b.form(call); err != nil && !strings.Contains(err.Error(), "EntityAlreadyExists") {
			return fmt.Errorf("%s for %s: %w", call.Get("Action"), file, err)
		}
	}
	return nil
}

// assume returns the access key of a session in a role.
func (b *bench) assume(role string) (key string, err error) {
	answer, err := b.form(url.Values{
		"Version": {"2011-06-15"}, "Action": {"AssumeRole"}, "RoleArn": {role}, "RoleSessionName": {"test"},
	})
	if err != nil {
		return "", err
	}
	var out struct {
		Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	}
	err = xml.Unmarshal(answer, &out)
	return out.Key, err
}

// form makes a call of AWS's query protocol as an administrator.
func (b *bench) form(values url.Values) ([]byte, error) {
	response, err := http.PostForm(b.awsURL, values)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	return answer, err
}

// extendServiceRole allows the stacks of a project with a custom template to create anything,
// because deploy/iam only grants what Perch's own templates need.
func (b *bench) extendServiceRole(t *testing.T) {
	t.Helper()
	if _, err := b.form(url.Values{
		"Version": {"2010-05-08"}, "Action": {"AttachRolePolicy"}, "RoleName": {"perch-cloudformation-" + b.project},
		"PolicyArn": {"arn:aws:iam::aws:policy/AdministratorAccess"},
	}); err != nil {
		t.Fatal(err)
	}
}
