package cfn

import (
	"encoding/hex"
	"regexp"
	"strings"

	"perch"
)

type bucketProperties struct {
	AbacStatus                     string `json:",omitempty"`
	BucketEncryption               bucketEncryption
	PublicAccessBlockConfiguration publicAccessBlock
	VersioningConfiguration        *versioning        `json:",omitempty"`
	LifecycleConfiguration         *lifecycleRules    `json:",omitempty"`
	OwnershipControls              *ownershipControls `json:",omitempty"`
	Tags                           []tag              `json:",omitempty"`
}

type bucketEncryption struct {
	ServerSideEncryptionConfiguration []encryptionRule
}

type encryptionRule struct {
	ServerSideEncryptionByDefault struct{ SSEAlgorithm string }
}

type publicAccessBlock struct {
	BlockPublicAcls       bool
	BlockPublicPolicy     bool
	IgnorePublicAcls      bool
	RestrictPublicBuckets bool
}

type versioning struct{ Status string }

type lifecycleRules struct{ Rules []lifecycleRule }

type lifecycleRule struct {
	ID                             string `json:"Id"`
	Status                         string
	Prefix                         string            `json:",omitempty"`
	ExpirationInDays               int               `json:",omitempty"`
	AbortIncompleteMultipartUpload *daysOfInitiation `json:",omitempty"`
}

type daysOfInitiation struct{ DaysAfterInitiation int }

type ownershipControls struct {
	Rules []ownershipRule
}

type ownershipRule struct{ ObjectOwnership string }

// privateBucket returns the properties of a bucket that is encrypted and not public.
func privateBucket() bucketProperties {
	rule := encryptionRule{}
	rule.ServerSideEncryptionByDefault.SSEAlgorithm = "AES256"
	return bucketProperties{
		BucketEncryption:               bucketEncryption{ServerSideEncryptionConfiguration: []encryptionRule{rule}},
		PublicAccessBlockConfiguration: publicAccessBlock{true, true, true, true},
		OwnershipControls: &ownershipControls{
			Rules: []ownershipRule{{ObjectOwnership: "BucketOwnerEnforced"}},
		},
	}
}

// settingsBucket returns one of the settings' buckets. The template gives it no name, because
// CloudFormation finds one that is free in all of S3. Its tags decide which instances have access,
// and S3 evaluates a bucket's tags only if AbacStatus is on.
func settingsBucket(bucket perch.Bucket, kind perch.Kind) resource {
	properties := privateBucket()
	properties.AbacStatus = "Enabled"
	if bucket.Versioned {
		properties.VersioningConfiguration = &versioning{Status: "Enabled"}
	}
	policy := retainIt
	if kind == perch.KindBranch {
		policy = deleteIt
	}
	return resource{Type: "AWS::S3::Bucket", Properties: properties}.keep(policy)
}

type bucketPolicyProperties struct {
	Bucket         value
	PolicyDocument policyDocument
}

// wall returns a bucket policy that keeps instances of other kinds of environments out of a
// production bucket. The roles of those kinds have no access to it anyway. Only the role of earlier
// versions has, because it allows all buckets of the project. Roles have their kind as a tag.
func wall(bucket string, project string) resource {
	others := statement{
		Sid:       "OtherKindsOfEnvironments",
		Effect:    "Deny",
		Principal: map[string]string{"AWS": "*"},
		Action:    []string{"s3:*"},
		Resource:  []value{getAtt{bucket, "Arn"}, sub("${" + bucket + ".Arn}/*")},
		Condition: map[string]map[string][]string{"StringEquals": {
			"aws:PrincipalTag/" + perch.TagKind:    otherKinds(perch.KindProduction),
			"aws:PrincipalTag/" + perch.TagProject: {project},
		}},
	}
	return resource{
		Type:       "AWS::S3::BucketPolicy",
		Properties: bucketPolicyProperties{Bucket: ref(bucket), PolicyDocument: policyOf(others)},
	}.keep(retainIt)
}

// plainBucketName matches names that stay distinct if each word begins with a capital letter and
// the hyphens are removed.
var plainBucketName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)

// BucketID returns the logical id, in the environment's template, of the bucket that the settings
// call name: BucketPrivateAssets for private-assets. Different names have different ids.
func BucketID(name string) string {
	if !plainBucketName.MatchString(name) {
		return "NamedBucket" + hex.EncodeToString([]byte(name))
	}
	id := "Bucket"
	for word := range strings.SplitSeq(name, "-") {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}

// bucketVariable returns the environment variable that tells the app the bucket's physical name:
// BUCKET_PRIVATE_ASSETS.
func bucketVariable(name string) string {
	return "BUCKET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
