package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"perch/sandbox/aws/resource"
)

// Handlers returns the handlers of S3's resource types in CloudFormation.
func (s *Service) Handlers() map[string]resource.Handler {
	return map[string]resource.Handler{
		"AWS::S3::Bucket":       bucketHandler{s},
		"AWS::S3::BucketPolicy": policyHandler{s},
	}
}

type bucketHandler struct{ s *Service }

// appliedProperties are the properties of a bucket that become settings. The service only stores
// keptProperties, because they change nothing that a test could observe, except AbacStatus, which
// affects the permissions of callers.
var (
	appliedProperties = []string{
		"AccessControl", "BucketEncryption", "BucketName", "ObjectLockEnabled", "OwnershipControls",
		"PublicAccessBlockConfiguration", "Tags",
		"VersioningConfiguration",
	}
	keptProperties = []string{
		"AbacStatus", "AccelerateConfiguration", "AnalyticsConfigurations", "CorsConfiguration",
		"IntelligentTieringConfigurations", "InventoryConfigurations",
		"LifecycleConfiguration", "LoggingConfiguration", "MetricsConfigurations", "NotificationConfiguration",
		"WebsiteConfiguration",
	}
)

// bucketProperties are the values of appliedProperties, except the bucket's name.
type bucketProperties struct {
	AccessControl     string
	ObjectLockEnabled flag
	Tags              []tag

	VersioningConfiguration        *struct{ Status string }
	PublicAccessBlockConfiguration *struct {
		BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets flag
	}
	OwnershipControls *struct {
		Rules []struct{ ObjectOwnership string }
	}
	BucketEncryption *struct {
		ServerSideEncryptionConfiguration []struct {
			BucketKeyEnabled              flag
			ServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
		}
	}
}

// flag is a boolean in a template, which may also be text: true or "true".
type flag bool

func (f *flag) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(strings.Trim(string(data), `"`)) {
	case "true":
		*f = true
	case "false":
		*f = false
	default:
		return fmt.Errorf("%s is not a boolean", data)
	}
	return nil
}

func (h bucketHandler) Create(_ context.Context, r resource.Request) (resource.State, error) {
	name, _ := r.Properties["BucketName"].(string)
	if name == "" {
		name = generatedName(r)
	}
	wanted, err := settingsFrom(r, newSettings())
	if err != nil {
		return resource.State{}, err
	}
	wanted.Origin = strings.Join([]string{r.StackID, r.LogicalID, r.Suffix}, " ")
	err = h.s.makeBucket(name, wanted)
	if errorCode(err) == "BucketAlreadyOwnedByYou" {
		if existing, err := h.s.settingsOf(name); err == nil && existing.Origin == wanted.Origin {
			return h.state(name), nil
		}
		return resource.State{}, &resource.Error{
			Service: "S3", Message: name + " already exists", Status: http.StatusConflict, Code: "AlreadyExists",
		}
	}
	if err != nil {
		return resource.State{}, asHandlerError(err)
	}
	return h.state(name), nil
}

func (h bucketHandler) Update(_ context.Context, r resource.Request) (resource.State, error) {
	err := h.s.changeSettings(r.PhysicalID, func(next *settings) error {
		fresh := newSettings()
		fresh.Created, fresh.Origin = next.Created, next.Origin
		fresh.Policy, fresh.ObjectLock = next.Policy, next.ObjectLock
		if next.Versioning != "" {
			fresh.Versioning = versioningSuspended
		}
		wanted, err := settingsFrom(r, fresh)
		if err == nil {
			*next = *wanted
		}
		return err
	})
	if err != nil {
		return resource.State{}, asHandlerError(err)
	}
	return h.state(r.PhysicalID), nil
}

func (h bucketHandler) Delete(_ context.Context, r resource.Request) error {
	err := h.s.withBucket(r.PhysicalID, func(b *bucket) error {
		if err := h.s.checkPolicy(b, "s3:DeleteBucket", ""); err != nil {
			return err
		}
		return h.s.dropBucket(b)
	})
	if errorCode(err) == "NoSuchBucket" {
		return nil
	}
	return asHandlerError(err)
}

// settingsFrom changes base according to the resource's properties, and returns it.
func settingsFrom(r resource.Request, base *settings) (*settings, error) {
	for _, name := range slices.Sorted(maps.Keys(r.Properties)) {
		switch {
		case slices.Contains(appliedProperties, name):
		case slices.Contains(keptProperties, name):
			if base.Kept == nil {
				base.Kept = map[string]any{}
			}
			base.Kept[name] = r.Properties[name]
		default:
			return nil, invalidProperty("Encountered unsupported property " + name)
		}
	}
	var p bucketProperties
	text, err := json.Marshal(r.Properties)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return nil, invalidProperty("Model validation failed: " + err.Error())
	}
	if err := p.applyTo(base); err != nil {
		return nil, asHandlerError(err)
	}
	base.Tags = maps.Clone(r.Tags)
	if base.Tags == nil {
		base.Tags = map[string]string{}
	}
	for _, t := range p.Tags {
		base.Tags[t.Key] = t.Value
	}
	return base, nil
}

func (p bucketProperties) applyTo(base *settings) error {
	if p.ObjectLockEnabled {
		base.ObjectLock, base.Versioning = true, versioningEnabled
	}
	if p.VersioningConfiguration != nil {
		if err := base.setVersioning(p.VersioningConfiguration.Status); err != nil {
			return err
		}
	}
	if access := p.PublicAccessBlockConfiguration; access != nil {
		base.PublicAccess = &publicAccess{
			bool(access.BlockPublicAcls), bool(access.IgnorePublicAcls), bool(access.BlockPublicPolicy),
			bool(access.RestrictPublicBuckets),
		}
	}
	if p.OwnershipControls != nil && len(p.OwnershipControls.Rules) == 1 {
		if err := base.setOwnership(p.OwnershipControls.Rules[0].ObjectOwnership); err != nil {
			return err
		}
	}
	if acl := p.AccessControl; acl != "" && acl != "Private" && base.Ownership == ownerEnforced {
		return noBucketACL()
	}
	if e := p.BucketEncryption; e != nil && len(e.ServerSideEncryptionConfiguration) == 1 {
		rule := e.ServerSideEncryptionConfiguration[0]
		return base.setEncryption(encryption{
			rule.ServerSideEncryptionByDefault.SSEAlgorithm, rule.ServerSideEncryptionByDefault.KMSMasterKeyID,
		})
	}
	return nil
}

// maxBucketName is the maximum length of a bucket name (AWS docs: "Bucket naming rules").
const maxBucketName = 63

// generatedName returns the name that CloudFormation generates for a bucket whose template sets
// none.
func generatedName(r resource.Request) string {
	base := strings.ToLower(r.StackName + "-" + r.LogicalID)
	base = base[:min(len(base), maxBucketName-1-len(r.Suffix))]
	return strings.TrimRight(base, "-") + "-" + r.Suffix
}

// dashedRegions are the regions whose website endpoints contain a dash (AWS docs: "Amazon S3
// endpoints and quotas").
var dashedRegions = []string{
	"us-east-1", "us-west-1", "us-west-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-west-1",
	"sa-east-1", "us-gov-west-1",
}

func (h bucketHandler) state(name string) resource.State {
	region := h.s.config.Region
	if h.s.config.Loopback {
		return resource.State{ID: name, Attributes: map[string]string{
			"Arn": "arn:aws:s3:::" + name, "DomainName": "localhost", "DualStackDomainName": "localhost",
			"RegionalDomainName": "localhost", "WebsiteURL": "http://localhost/" + name,
		}}
	}
	separator := "."
	if slices.Contains(dashedRegions, region) {
		separator = "-"
	}
	return resource.State{ID: name, Attributes: map[string]string{
		"Arn":                 "arn:aws:s3:::" + name,
		"DomainName":          name + ".s3.amazonaws.com",
		"DualStackDomainName": name + ".s3.dualstack." + region + ".amazonaws.com",
		"RegionalDomainName":  name + ".s3." + region + ".amazonaws.com",
		"WebsiteURL":          "http://" + name + ".s3-website" + separator + region + ".amazonaws.com",
	}}
}

// errorCode returns the S3 code of an error; empty if it is nil or not one of S3's.
func errorCode(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.cause.Code
	}
	return ""
}

func invalidProperty(message string) *resource.Error {
	return &resource.Error{Service: "S3", Message: message, Status: http.StatusBadRequest, Code: "InvalidRequest"}
}

// asHandlerError converts an S3 error to that of CloudFormation's handler.
func asHandlerError(err error) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	handlerCode := "InvalidRequest"
	switch {
	case f.cause.Code == "AccessDenied":
		handlerCode = "AccessDenied"
	case f.cause.Code == "NoSuchBucket":
		handlerCode = "NotFound"
	case f.cause.Status == http.StatusConflict || f.cause.Status >= http.StatusInternalServerError:
		handlerCode = "GeneralServiceException"
	}
	return &resource.Error{Service: "S3", Message: f.cause.Message, Status: f.cause.Status, Code: handlerCode}
}
