package s3

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws/resource"
)

func bucketRequest(properties map[string]any) resource.Request {
	return resource.Request{
		Account: testAccount, Region: testRegion, StackID: "arn:stack/1", StackName: "Shop-login",
		LogicalID: "PrivateAssets", Type: "AWS::S3::Bucket",
		Properties: properties, Suffix: "abcdefghijkl",
		Tags: map[string]string{"branch": "login", "aws:cloudformation:stack-id": "arn:stack/1"},
	}
}

// wantError checks an error that CloudFormation receives.
func wantError(t *testing.T, err error, want resource.Error) {
	t.Helper()
	got, ok := resource.As(err)
	if !ok {
		t.Fatalf("error is %v", err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

func TestABucketResourceIsCreatedAndDeleted(t *testing.T) {
	b := newFixture(t, "")
	handler := b.service.Handlers()["AWS::S3::Bucket"]
	request := bucketRequest(map[string]any{
		"VersioningConfiguration":        map[string]any{"Status": "Enabled"},
		"PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": "true", "BlockPublicPolicy": false},
		"LifecycleConfiguration":         map[string]any{"Rules": []any{}},
		"Tags":                           []any{map[string]any{"Key": "own", "Value": "1"}},
		"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
			map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}}}},
	})
	state := must(handler.Create(b.ctx, request))(t)
	name := "shop-login-privateassets-abcdefghijkl"
	want := resource.State{ID: name, Attributes: map[string]string{
		"Arn":                 "arn:aws:s3:::" + name,
		"DomainName":          name + ".s3.amazonaws.com",
		"DualStackDomainName": name + ".s3.dualstack.eu-central-1.amazonaws.com",
		"RegionalDomainName":  name + ".s3.eu-central-1.amazonaws.com",
		"WebsiteURL":          "http://" + name + ".s3-website.eu-central-1.amazonaws.com",
	}}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Error(diff)
	}
	if again := must(handler.Create(b.ctx, request))(t); again.ID != name {
		t.Errorf("the repeated Create returns %s", again.ID)
	}
	found := must(b.service.settingsOf(name))(t)
	wantTags := map[string]string{"branch": "login", "aws:cloudformation:stack-id": "arn:stack/1", "own": "1"}
	if diff := cmp.Diff(
		wantTags, found.Tags,
	); diff != "" || found.Versioning != "Enabled" || *found.PublicAccess != (publicAccess{BlockPublicAcls: true}) {
		t.Errorf("settings are %+v, public access is %+v, tags: %s", found, found.PublicAccess, diff)
	}
	must(b.PutObject(b.ctx, &sdk.PutObjectInput{Bucket: &name, Key: aws.String("a"), Body: strings.NewReader("1")}))(t)
	must(b.DeleteObject(b.ctx, &sdk.DeleteObjectInput{Bucket: &name, Key: aws.String("a")}))(t)
	request.PhysicalID = name
	wantError(t, handler.Delete(b.ctx, request), resource.Error{
		Service: "S3", Message: "The bucket you tried to delete is not empty", Status: 409,
		Code: "GeneralServiceException",
	})
	for _, v := range b.service.buckets[name].model() {
		must(b.DeleteObject(b.ctx, &sdk.DeleteObjectInput{Bucket: &name, Key: aws.String("a"), VersionId: &v.ID}))(t)
	}
	for range 2 {
		if err := handler.Delete(b.ctx, request); err != nil {
			t.Error(err)
		}
	}
}

func TestInvalidBucketResourcesAreRejected(t *testing.T) {
	b := newFixture(t, "")
	handler := b.service.Handlers()["AWS::S3::Bucket"]
	for name, test := range map[string]struct {
		properties map[string]any
		want       resource.Error
	}{
		"a taken name": {map[string]any{"BucketName": testBucket},
			resource.Error{Service: "S3", Message: testBucket + " already exists", Status: 409, Code: "AlreadyExists"}},
		"an invalid name": {map[string]any{"BucketName": "No_Name"},
			resource.Error{
				Service: "S3", Message: "The specified bucket is not valid.", Status: 400, Code: "InvalidRequest",
			}},
		"a public access control list": {map[string]any{"AccessControl": "PublicRead"},
			resource.Error{
				Service: "S3",
				Message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting", Status: 400,
				Code: "InvalidRequest",
			}},
		"an unknown property": {map[string]any{"Versions": true},
			resource.Error{
				Service: "S3", Message: "Encountered unsupported property Versions", Status: 400,
				Code: "InvalidRequest",
			}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := handler.Create(b.ctx, bucketRequest(test.properties))
			wantError(t, err, test.want)
		})
	}
}

func TestABucketResourceChangesInPlace(t *testing.T) {
	b := newFixture(t, "")
	handler := b.service.Handlers()["AWS::S3::Bucket"]
	request := bucketRequest(map[string]any{"VersioningConfiguration": map[string]any{"Status": "Enabled"}})
	request.PhysicalID = must(handler.Create(b.ctx, request))(t).ID
	request.Properties = map[string]any{
		"OwnershipControls": map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "ObjectWriter"}}},
	}
	must(handler.Update(b.ctx, request))(t)
	found := must(b.service.settingsOf(request.PhysicalID))(t)
	if found.Versioning != versioningSuspended || found.Ownership != "ObjectWriter" || found.Origin == "" {
		t.Errorf("settings after the update are %+v", found)
	}
}

func TestGeneratedNamesAreValidBucketNames(t *testing.T) {
	for _, stack := range []string{"s", "shop-login", strings.Repeat("long-", 25)} {
		request := bucketRequest(nil)
		request.StackName = stack
		name := generatedName(request)
		if err := checkBucketName(name); err != nil || !strings.HasSuffix(name, "-"+request.Suffix) {
			t.Errorf("generated name %s: %v", name, err)
		}
	}
}

func TestABucketPolicyResourceSetsAndDeletesThePolicy(t *testing.T) {
	b := newFixture(t, "")
	handler := b.service.Handlers()["AWS::S3::BucketPolicy"]
	statement := map[string]any{
		"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::" + testBucket + "/*",
	}
	document := map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}
	request := resource.Request{Properties: map[string]any{"Bucket": testBucket, "PolicyDocument": document}}
	for range 2 {
		if state := must(handler.Create(b.ctx, request))(t); state.ID != testBucket {
			t.Errorf("id %s", state.ID)
		}
	}
	_, err := b.PutObject(
		b.ctx, &sdk.PutObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a"), Body: strings.NewReader("")},
	)
	wantCode(t, err, "AccessDenied", 403)
	statement["Action"] = "s3:GetObject"
	_, err = handler.Create(b.ctx, request)
	wantError(t, err, resource.Error{Service: "S3", Message: "The bucket policy already exists on bucket " +
		testBucket + ".", Status: 409, Code: "AlreadyExists"})
	must(handler.Update(b.ctx, request))(t)
	b.put("a", "writable again")
	request.PhysicalID = testBucket
	if err := handler.Delete(b.ctx, request); err != nil || b.service.buckets[testBucket].policy != nil {
		t.Errorf("delete the policy: %v", err)
	}
	request.PhysicalID = "absent"
	if err := handler.Delete(b.ctx, request); err != nil {
		t.Error(err)
	}
}
