package aws_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"perch/sandbox/aws"
)

// query makes a call of the query protocol as an administrator and returns its answer.
func (w *world) query(version, action string, parameters ...string) string {
	w.t.Helper()
	form := url.Values{"Version": {version}, "Action": {action}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	response, err := http.PostForm(w.address, form)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d %v\n%s", action, response.StatusCode, err, answer)
	}
	return string(answer)
}

const iamVersion, stsVersion = "2010-05-08", "2011-06-15"

// role creates a role with one policy.
func (w *world) role(name, statements string) (arn string) {
	w.t.Helper()
	w.query(iamVersion, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", "{}")
	w.query(
		iamVersion,
		"CreatePolicy",
		"PolicyName",
		name,
		"PolicyDocument",
		`{"Version": "2012-10-17", "Statement": [`+statements+`]}`,
	)
	w.query(iamVersion, "AttachRolePolicy", "RoleName", name, "PolicyArn", "arn:aws:iam::123456789012:policy/"+name)
	return "arn:aws:iam::123456789012:role/" + name
}

// as returns a world whose clients have assumed a role.
func (w *world) as(arn string) *world {
	w.t.Helper()
	var out struct {
		Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	}
	answer := w.query(stsVersion, "AssumeRole", "RoleArn", arn, "RoleSessionName", "test")
	if err := xml.Unmarshal([]byte(answer), &out); err != nil {
		w.t.Fatal(err)
	}
	bound := *w
	bound.config.Credentials = credentials.NewStaticCredentialsProvider(out.Key, "secret", "")
	bound.stacks = cloudformation.NewFromConfig(bound.config)
	bound.storage = s3.NewFromConfig(bound.config, func(o *s3.Options) { o.UsePathStyle = true })
	return &bound
}

// allowed returns a statement that allows an action.
func allowed(action, resource, condition string) string {
	statement := `{"Effect": "Allow", "Action": "` + action + `", "Resource": "` + resource + `"`
	if condition != "" {
		statement += `, "Condition": ` + condition
	}
	return statement + "}"
}

// wantDenied checks the code and the sentence of a denial.
func wantDenied(t *testing.T, err error, code, action, resource string) {
	t.Helper()
	wantCode(t, err, code)
	sentence := "User: arn:aws:sts::123456789012:assumed-role/worker/test is not authorized to perform: " +
		action + " on resource: " + resource +
		" because no identity-based policy allows the " + action + " action"
	if err != nil && !strings.Contains(err.Error(), sentence) {
		t.Errorf("error = %v\nwant  %s", err, sentence)
	}
}

func TestS160ARoleWithoutRightsIsDeniedInEachServicesWords(t *testing.T) {
	w := newWorld(t, aws.Config{EnforceIAM: true})
	worker := w.as(w.role("worker", allowed("s3:ListAllMyBuckets", "*", "")))
	const certificate = "arn:aws:acm:eu-central-1:1:certificate/x"
	config, ctx := worker.config, t.Context()
	_, err := worker.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: sdk.String("shop-a")})
	wantDenied(
		t,
		err,
		"AccessDenied",
		"cloudformation:DescribeStacks",
		"arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-a/*",
	)
	_, err = elasticbeanstalk.NewFromConfig(config).
		DescribeEnvironments(ctx, &elasticbeanstalk.DescribeEnvironmentsInput{})
	wantDenied(t, err, "AccessDenied", "elasticbeanstalk:DescribeEnvironments", "*")
	_, err = rds.NewFromConfig(config).
		DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{DBInstanceIdentifier: sdk.String("shop-a")})
	wantDenied(t, err, "AccessDenied", "rds:DeleteDBInstance", "arn:aws:rds:eu-central-1:123456789012:db:shop-a")
	if answer := worker.subnets(); !strings.Contains(answer, "<Code>UnauthorizedOperation</Code>") ||
		!strings.Contains(answer, "perform: ec2:DescribeSubnets on resource: *") {
		t.Errorf("DescribeSubnets: %s", answer)
	}
	_, err = route53.NewFromConfig(config).
		ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: sdk.String("Z1")})
	wantDenied(t, err, "AccessDenied", "route53:ListResourceRecordSets", "arn:aws:route53:::hostedzone/Z1")
	_, err = route53.NewFromConfig(config).TestDNSAnswer(ctx, &route53.TestDNSAnswerInput{
		HostedZoneId: sdk.String("Z1"), RecordName: sdk.String("a.example.com"), RecordType: "A",
	})
	wantDenied(t, err, "AccessDenied", "route53:TestDNSAnswer", "*")
	_, err = acm.NewFromConfig(config).
		DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: sdk.String(certificate)})
	wantDenied(t, err, "AccessDeniedException", "acm:DescribeCertificate", certificate)
	_, err = secretsmanager.NewFromConfig(config).
		GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: sdk.String("shop/token")})
	wantDenied(
		t,
		err,
		"AccessDeniedException",
		"secretsmanager:GetSecretValue",
		"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/token-??????",
	)
	_, err = ssm.NewFromConfig(config).GetParameter(ctx, &ssm.GetParameterInput{Name: sdk.String("/shop/token")})
	wantDenied(
		t,
		err,
		"AccessDeniedException",
		"ssm:GetParameter",
		"arn:aws:ssm:eu-central-1:123456789012:parameter/shop/token",
	)
	_, err = resourcegroupstaggingapi.NewFromConfig(config).
		GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{})
	wantDenied(t, err, "AccessDeniedException", "tag:GetResources", "*")
	if who, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err != nil ||
		sdk.ToString(who.Arn) != "arn:aws:sts::123456789012:assumed-role/worker/test" {
		t.Errorf("GetCallerIdentity: %v, %v", who, err)
	}
	if _, err := worker.storage.ListBuckets(ctx, &s3.ListBucketsInput{}); err != nil {
		t.Error(err)
	}
	if grants := w.server.Grants(); len(grants) != 1 || len(grants[0]) != 1 ||
		grants[0][0].Action != "s3:ListAllMyBuckets" {
		t.Errorf("grants: %v", grants)
	}
}

// subnets returns EC2's answer to DescribeSubnets.
func (w *world) subnets() string {
	w.t.Helper()
	credentials, err := w.config.Credentials.Retrieve(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(
		w.t.Context(),
		http.MethodGet,
		w.address+"/?Action=DescribeSubnets&Version=2016-11-15",
		nil,
	)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set(
		"Authorization",
		"AWS4-HMAC-SHA256 Credential="+credentials.AccessKeyID+
			"/20260101/eu-central-1/ec2/aws4_request, SignedHeaders=host, Signature=x",
	)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(answer)
}

func TestS160ARoleMayDoToSingleKeysWhatItsPolicyAllows(t *testing.T) {
	w := newWorld(t, aws.Config{EnforceIAM: true})
	w.mustCreateBucket("shop-seed")
	for _, key := range []string{"bundles/a", "private/a"} {
		in := &s3.PutObjectInput{
			Bucket:  sdk.String("shop-seed"),
			Key:     &key,
			Body:    strings.NewReader("x"),
			Tagging: sdk.String("a=b"),
		}
		if _, err := w.storage.PutObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	worker := w.as(w.role("worker", strings.Join([]string{
		allowed(
			"s3:GetObject",
			"arn:aws:s3:::shop-*/bundles/*",
			"",
		),
		allowed("s3:DeleteObject", "arn:aws:s3:::shop-*/bundles/*", ""),
		allowed("s3:PutObject", "arn:aws:s3:::shop-*/*", ""),
	}, ",")))
	ctx, storage, bucket := t.Context(), worker.storage, sdk.String("shop-seed")
	_, err := storage.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: sdk.String("private/a")})
	wantDenied(t, err, "AccessDenied", "s3:GetObject", "arn:aws:s3:::shop-seed/private/a")
	_, err = storage.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: sdk.String("bundles/missing")})
	wantDenied(t, err, "AccessDenied", "s3:ListBucket", "arn:aws:s3:::shop-seed")
	_, err = storage.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
	wantDenied(t, err, "AccessDenied", "s3:GetBucketPolicy", "arn:aws:s3:::shop-seed")
	_, err = storage.CopyObject(
		ctx,
		&s3.CopyObjectInput{Bucket: bucket, Key: sdk.String("b"), CopySource: sdk.String("shop-seed/private/a")},
	)
	wantDenied(t, err, "AccessDenied", "s3:GetObject", "arn:aws:s3:::shop-seed/private/a")
	_, err = storage.CopyObject(
		ctx,
		&s3.CopyObjectInput{Bucket: bucket, Key: sdk.String("b"), CopySource: sdk.String("shop-seed/bundles/a")},
	)
	wantDenied(t, err, "AccessDenied", "s3:GetObjectTagging", "arn:aws:s3:::shop-seed/bundles/a")
	_, err = storage.PutObject(
		ctx, &s3.PutObjectInput{Bucket: bucket, Key: sdk.String("c"), Tagging: sdk.String("a=b")},
	)
	wantDenied(t, err, "AccessDenied", "s3:PutObjectTagging", "arn:aws:s3:::shop-seed/c")
	_, err = storage.PutObject(
		ctx, &s3.PutObjectInput{Bucket: bucket, Key: sdk.String("private/a"), IfMatch: sdk.String(`"x"`)},
	)
	wantDenied(t, err, "AccessDenied", "s3:GetObject", "arn:aws:s3:::shop-seed/private/a")
	_, err = storage.DeleteObject(
		ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: sdk.String("bundles/a"), IfMatch: sdk.String(`"x"`)},
	)
	wantCode(t, err, "PreconditionFailed")
	out, err := storage.DeleteObjects(
		ctx,
		&s3.DeleteObjectsInput{Bucket: bucket, Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{
			{Key: sdk.String("bundles/a")}, {Key: sdk.String("private/a")},
		}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Deleted) != 1 || len(out.Errors) != 1 || sdk.ToString(out.Errors[0].Key) != "private/a" ||
		sdk.ToString(out.Errors[0].Code) != "AccessDenied" {
		t.Errorf("deleted %v, errors %v", out.Deleted, out.Errors)
	}
}

func (w *world) mustCreateBucket(name string) {
	w.t.Helper()
	in := &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}
	if _, err := w.storage.CreateBucket(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func TestS160AStackNeedsTheRightsToTagItAndToPassItsRole(t *testing.T) {
	const all = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-*/*"
	w := newWorld(t, aws.Config{EnforceIAM: true})
	builder := w.role("builder", allowed("*", "*", ""))
	create := allowed("cloudformation:CreateStack", all, "")
	tag := allowed("cloudformation:TagResource", all, "")
	pass := allowed(
		"iam:PassRole", builder, `{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}`,
	)
	elsewhere := allowed("iam:PassRole", builder, `{"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}`)
	for name, c := range map[string]struct{ statements, denied, resource string }{
		"tag":       {create + "," + pass, "cloudformation:TagResource", strings.Replace(all, "-*", "-a", 1)},
		"pass":      {create + "," + tag, "iam:PassRole", builder},
		"elsewhere": {create + "," + tag + "," + elsewhere, "iam:PassRole", builder},
		"all":       {create + "," + tag + "," + pass, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			worker := w.as(w.role("worker-"+name, c.statements))
			body := buckets
			_, err := worker.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
				StackName: sdk.String(
					"shop-a",
				),
				TemplateBody: &body,
				RoleARN:      &builder,
				Tags:         []cfntypes.Tag{{Key: sdk.String("a"), Value: sdk.String("b")}},
			})
			if c.denied == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, "AccessDenied")
			if want := c.denied + " on resource: " + c.resource; err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want %s", err, want)
			}
		})
	}
}

func TestTheCallersTemplateIsReadWithTheCallersRights(t *testing.T) {
	w := newWorld(t, aws.Config{EnforceIAM: true})
	w.mustCreateBucket("shop-templates")
	in := &s3.PutObjectInput{
		Bucket: sdk.String("shop-templates"),
		Key:    sdk.String("t.json"),
		Body:   strings.NewReader(buckets),
	}
	if _, err := w.storage.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	worker := w.as(w.role("worker", allowed("cloudformation:CreateStack", "*", "")))
	_, err := worker.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: sdk.String("shop-a"), TemplateURL: sdk.String(w.address + "/shop-templates/t.json"),
	})
	wantSentence(t, err, "S3 error: ")
}

func TestAPolicyInIAMIsCheckedAndItsRoleKept(t *testing.T) {
	w := newWorld(t, aws.Config{EnforceIAM: true})
	w.role("worker", allowed("s3:*", "*", ""))
	rejected := func(action, want string, parameters ...string) {
		t.Helper()
		form := url.Values{"Version": {iamVersion}, "Action": {action}}
		for i := 0; i < len(parameters); i += 2 {
			form.Set(parameters[i], parameters[i+1])
		}
		response, err := http.PostForm(w.address, form)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		if response.StatusCode == http.StatusOK || !strings.Contains(string(answer), want) {
			t.Errorf("%s: %d %s, want %s", action, response.StatusCode, answer, want)
		}
	}
	const arn = "arn:aws:iam::123456789012:policy/worker"
	long := `{"Statement": [` + allowed("s3:*", "arn:aws:s3:::"+strings.Repeat("x", 6200), "") + `]}`
	rejected("CreatePolicy", "EntityAlreadyExists", "PolicyName", "worker", "PolicyDocument", `{"Statement": []}`)
	rejected(
		"CreatePolicy",
		"MalformedPolicyDocument",
		"PolicyName",
		"other",
		"PolicyDocument",
		`{"Statement": [{"Effect": "Maybe"}]}`,
	)
	rejected("CreatePolicy", "LimitExceeded", "PolicyName", "other", "PolicyDocument", long)
	rejected(
		"AttachRolePolicy", "NoSuchEntity", "RoleName", "worker", "PolicyArn", "arn:aws:iam::123456789012:policy/none",
	)
	rejected("DeletePolicy", "DeleteConflict", "PolicyArn", arn)
	rejected("DeleteRole", "DeleteConflict", "RoleName", "worker")
	if answer := w.query(iamVersion, "ListAttachedRolePolicies", "RoleName", "worker"); !strings.Contains(answer, arn) {
		t.Error(answer)
	}
	w.query(iamVersion, "DetachRolePolicy", "RoleName", "worker", "PolicyArn", arn)
	w.query(iamVersion, "DeletePolicy", "PolicyArn", arn)
	w.query(iamVersion, "DeleteRole", "RoleName", "worker")
}

// shop is a stack with a bucket and a role that has an AWS managed policy.
const shop = `{"Resources": {
  "Media": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
  "Instances": {"Type": "AWS::IAM::Role", "DependsOn": "Media", "Properties": {"AssumeRolePolicyDocument": {},
    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"]}}}}`

// builder returns the statements of a service role for shop, without some actions.
func builder(without ...string) string {
	role, bucket := "arn:aws:iam::123456789012:role/shop-*", "arn:aws:s3:::shop-*"
	rights := [][3]string{
		{
			"iam:AttachRolePolicy",
			role,
			`{"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"}}`,
		},
		{"iam:DetachRolePolicy", role, ""},
	}
	for _, action := range []string{
		"CreateRole", "DeleteRole", "GetRole", "ListAttachedRolePolicies", "ListRolePolicies",
	} {
		rights = append(rights, [3]string{"iam:" + action, role, ""})
	}
	for _, action := range []string{
		"CreateBucket", "DeleteBucket", "GetBucketTagging", "GetBucketVersioning", "ListBucket", "PutBucketTagging",
		"PutBucketVersioning",
	} {
		rights = append(rights, [3]string{"s3:" + action, bucket, ""})
	}
	var statements []string
	for _, right := range rights {
		if !slices.Contains(without, right[0]) {
			statements = append(statements, allowed(right[0], right[1], right[2]))
		}
	}
	return strings.Join(statements, ",")
}

func TestS161AServiceRoleWithoutARightFailsTheResourceAndTheStackRollsBack(t *testing.T) {
	w := newWorld(t, aws.Config{EnforceIAM: true})
	body := shop
	create := func(name, role string) {
		t.Helper()
		in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body, RoleARN: &role,
			Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam}}
		if _, err := w.stacks.CreateStack(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	create("shop-whole", w.role("whole", builder()))
	w.reach("shop-whole", "CREATE_COMPLETE")
	for _, action := range []string{"iam:AttachRolePolicy", "iam:ListRolePolicies", "s3:PutBucketVersioning"} {
		name := "shop-" + strings.ToLower(action[strings.Index(action, ":")+1:])
		create(name, w.role(name, builder(action)))
		w.reach(name, "ROLLBACK_COMPLETE")
		resource := "arn:aws:iam::123456789012:role/" + name + "-Instances-"
		if strings.HasPrefix(action, "s3:") {
			resource = "arn:aws:s3:::" + name + "-media-"
		}
		sentence := "User: arn:aws:sts::123456789012:assumed-role/" + name +
			"/AWSCloudFormation is not authorized to perform: " + action + " on resource: " + resource
		if got := w.firstFailure(name); !strings.HasPrefix(got, `Resource handler returned message: "`+sentence) ||
			!strings.Contains(got, "because no identity-based policy allows the "+action+" action") ||
			!strings.Contains(got, "HandlerErrorCode: AccessDenied)") {
			t.Errorf("%s: %s", action, got)
		}
	}
	create("shop-stays", w.role("stays", builder("s3:DeleteBucket")))
	w.reach("shop-stays", "CREATE_COMPLETE")
	if _, err := w.stacks.DeleteStack(
		t.Context(),
		&cloudformation.DeleteStackInput{StackName: sdk.String("shop-stays")},
	); err != nil {
		t.Fatal(err)
	}
	w.reach("shop-stays", "DELETE_FAILED")
}

// firstFailure returns the reason of the first failed event of a stack's resource.
func (w *world) firstFailure(name string) string {
	w.t.Helper()
	out, err := w.stacks.DescribeStackEvents(w.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, event := range slices.Backward(out.StackEvents) {
		if event.ResourceStatus == cfntypes.ResourceStatusCreateFailed {
			return sdk.ToString(event.ResourceStatusReason)
		}
	}
	return ""
}

func TestS231BeanstalkChangesAnEnvironmentWithTheRightsOfItsCaller(t *testing.T) {
	w := newWorld(t, aws.Config{EnforceIAM: true})
	w.bundles("one")
	w.reach(w.create("shop-a", deployed("one.zip")), "CREATE_COMPLETE")
	terminate := &elasticbeanstalk.TerminateEnvironmentInput{EnvironmentName: sdk.String("shop-a")}
	update := &elasticbeanstalk.UpdateEnvironmentInput{EnvironmentName: sdk.String("shop-a")}
	only := elasticbeanstalk.NewFromConfig(w.as(w.role("worker", allowed("elasticbeanstalk:*", "*", ""))).config)
	_, err := only.UpdateEnvironment(t.Context(), update)
	wantDenied(t, err, "InsufficientPrivilegesException", "autoscaling:DescribeAccountLimits", "*")
	_, err = only.TerminateEnvironment(t.Context(), terminate)
	wantDenied(t, err, "InsufficientPrivilegesException", "autoscaling:DescribeAccountLimits", "*")
	for action, call := range map[string]func(*elasticbeanstalk.Client) error{
		"ec2:RunInstances": func(c *elasticbeanstalk.Client) error {
			_, err := c.UpdateEnvironment(t.Context(), update)
			return err
		},
		"cloudformation:DeleteStack": func(c *elasticbeanstalk.Client) error {
			_, err := c.TerminateEnvironment(t.Context(), terminate)
			return err
		},
	} {
		name := strings.ToLower(strings.ReplaceAll(action, ":", "-"))
		denied := `{"Effect": "Deny", "Action": "` + action + `", "Resource": "*"}`
		role := w.role(name, allowed("*", "*", "")+","+denied)
		if err := call(elasticbeanstalk.NewFromConfig(w.as(role).config)); err == nil ||
			!strings.Contains(err.Error(), action) {
			t.Errorf("without %s: %v", action, err)
		}
	}
	if _, err := elasticbeanstalk.NewFromConfig(w.as(w.role("whole", allowed("*", "*", ""))).config).
		TerminateEnvironment(t.Context(), terminate); err != nil {
		t.Errorf("with every right: %v", err)
	}
}
