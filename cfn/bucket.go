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

// privateBucket is a bucket that is encrypted and closed to the public.
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

// settingsBucket is one of the settings' buckets. It has no name of ours: CloudFormation finds one
// that is free in all of S3. Instances have access by its tags, which S3 compares only with
// AbacStatus.
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

// wall keeps instances of other kinds of environments out of a production's bucket. Their roles
// open none of its buckets, except the role of earlier versions, which opens all of the project's.
// Roles carry their kind as a tag.
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

// plainBucketName matches the names whose words can be told apart by capital letters alone.
var plainBucketName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)

// BucketID is the logical id, in the environment's template, of the settings' bucket called name:
// BucketPrivateAssets for private-assets. Different names have different ids.
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

// bucketVariable is the environment variable that tells the app the bucket's real name:
// BUCKET_PRIVATE_ASSETS.
func bucketVariable(name string) string {
	return "BUCKET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
