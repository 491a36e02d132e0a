package cfn

import (
	"fmt"
	"strings"
	"testing"

	"perch"
)

const (
	getObject = "s3:GetObject"
	getSecret = "secretsmanager:GetSecretValue"
	secretARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:"

	parameterARN = "arn:aws:ssm:eu-central-1:111122223333:parameter/"
)

// environmentOf is an environment in an account.
type environmentOf struct {
	stack
	kind     perch.Kind
	profile  string
	password string
}

// applicationIn adds the application stack of kind to the account and returns its outputs.
func applicationIn(a *account, kind perch.Kind, earlier bool) map[string]string {
	a.t.Helper()
	in := applicationInput(kind)
	in.EarlierRole = earlier
	in.Policy.SharedDatabase = &perch.SharedDatabase{
		Version: "18", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7,
	}
	in.Policy.Secrets = perch.PolicySecrets{From: []string{secretARN + "shop/common-"}, Kinds: perch.KindSecrets{}}
	for _, of := range perch.Kinds() {
		in.Policy.Secrets.Kinds[of] = []string{secretARN + "shop/" + string(of) + "-", parameterARN + string(of) + "/"}
	}
	name := perch.ApplicationStackName("shop", kind)
	_, outputs := a.add(name, applicationTags(kind), renderApplication(a.t, in))
	return outputs
}

func applicationTags(kind perch.Kind) map[string]string {
	return map[string]string{
		perch.TagProject: "shop", perch.TagRepository: "github.com/acme/shop", perch.TagKind: string(kind),
	}
}

// environmentIn adds branch's environment to the account.
func environmentIn(
	a *account, application map[string]string, branch string, kind perch.Kind, mode string,
) environmentOf {
	a.t.Helper()
	in := environmentInput(a.t, branch, kind)
	var err error
	if in.Application, err = ParseApplicationOutputs(application); err != nil {
		a.t.Fatal(err)
	}
	secret := databaseSecretID
	if in.Settings.Database.Mode = mode; mode == perch.DatabaseShared {
		secret = SharedSecretID
	}
	tags := in.Environment.Tags(perch.Identity{Names: []string{"github.com/acme/shop"}}, kind)
	s, outputs := a.add(in.Environment.StackName(), tags, renderEnvironment(a.t, in))
	if outputs[OutputProfile] != s.profile() {
		a.t.Errorf("%s names the instance profile %s and has %s", s.name, outputs[OutputProfile], s.profile())
	}
	return environmentOf{s, kind, s.profile(), s.arn(secret)}
}

// everyKind is an account with two application stacks and environments of every kind.
func everyKind(t *testing.T, earlier bool) (a *account, staging, production map[string]string, all []environmentOf) {
	t.Helper()
	a = newAccount(t)
	staging, production = applicationIn(a, perch.KindStaging, earlier), applicationIn(a, perch.KindProduction, earlier)
	return a, staging, production, []environmentOf{
		environmentIn(a, staging, "feature/login", perch.KindBranch, perch.DatabaseDedicated),
		environmentIn(a, staging, "staging-2", perch.KindBranch, perch.DatabaseShared),
		environmentIn(a, staging, "staging", perch.KindStaging, perch.DatabaseDedicated),
		environmentIn(a, staging, "release/7", perch.KindStaging, perch.DatabaseShared),
		environmentIn(a, production, "main", perch.KindProduction, perch.DatabaseDedicated),
	}
}

// TestS128InstancesReachWhatIsOfTheirKindOnly evaluates the rendered policies: an instance reads
// and writes the buckets of environments of its kind and reads their database passwords, and
// nothing of another kind.
func TestS128InstancesReachWhatIsOfTheirKindOnly(t *testing.T) {
	a, staging, _, all := everyKind(t, false)
	for _, from := range all {
		for _, to := range all {
			bucket := to.arn(BucketID("assets"))
			for _, act := range []struct{ action, arn string }{
				{getSecret, to.password}, {"s3:ListBucket", bucket},
				{getObject, bucket + "/a"}, {"s3:PutObject", bucket + "/a"}, {"s3:DeleteObject", bucket + "/a"},
			} {
				if got, want := a.may(from.profile, act.action, act.arn), from.kind == to.kind; got != want {
					t.Errorf("%s of kind %s may do %s on %s of kind %s: %v",
						from.name, from.kind, act.action, act.arn, to.kind, got)
				}
			}
		}
		if a.may(from.profile, getSecret, staging[outputDatabaseSecret]) {
			t.Errorf("%s may read the password of the shared database's master user", from.name)
		}
		for _, kind := range perch.Kinds() {
			for action, arn := range map[string]string{
				getSecret:          secretARN + "shop/" + string(kind) + "-key-AbCdEf",
				"ssm:GetParameter": parameterARN + string(kind) + "/key",
			} {
				if got, want := a.may(from.profile, action, arn), from.kind == kind; got != want {
					t.Errorf("%s of kind %s may do %s on %s: %v", from.name, from.kind, action, arn, got)
				}
			}
		}
		if !a.may(from.profile, getSecret, secretARN+"shop/common-key-AbCdEf") {
			t.Errorf("%s may not read what secrets.from allows every kind", from.name)
		}
	}
}

// A policy that allows every secret of the account still keeps the passwords of other kinds.
func TestAllowingEverySecretOpensNoPasswordOfAnotherKind(t *testing.T) {
	a := newAccount(t)
	in := applicationInput(perch.KindStaging)
	in.Policy.Secrets.From = []string{"arn:aws:secretsmanager:"}
	_, outputs := a.add("shop-application-staging", applicationTags(perch.KindStaging), renderApplication(t, in))
	branch := environmentIn(a, outputs, "feature/login", perch.KindBranch, perch.DatabaseDedicated)
	staging := environmentIn(a, outputs, "staging", perch.KindStaging, perch.DatabaseDedicated)
	if a.may(branch.profile, getSecret, staging.password) || a.may(staging.profile, getSecret, branch.password) {
		t.Error("an instance may read the password of another kind")
	}
	if !a.may(branch.profile, getSecret, branch.password) || !a.may(branch.profile, getSecret, secretARN+"anything") {
		t.Error("an instance may not read what the policy allows")
	}
}

// S3 does not compare the tags of a bucket without AbacStatus, so that a bucket of a custom
// template or of an earlier version is closed.
func TestABucketWithoutAbacStatusIsClosed(t *testing.T) {
	a, _, _, all := everyKind(t, false)
	for _, from := range all {
		bucket := from.arn(BucketID("assets"))
		a.things[bucket].tags = nil
		if a.may(from.profile, getObject, bucket+"/a") {
			t.Errorf("%s reads it", from.name)
		}
	}
}

// TestS129InstancesReadOnlyBundlesOfTheArtifactBucket also holds for the role of earlier versions
// and if ABAC is on for that bucket.
func TestS129InstancesReadOnlyBundlesOfTheArtifactBucket(t *testing.T) {
	for _, abac := range []bool{false, true} {
		a, staging, production, all := everyKind(t, true)
		profiles := map[string]string{
			staging[OutputEarlierProfile]:    staging[OutputArtifacts],
			production[OutputEarlierProfile]: production[OutputArtifacts],
		}
		for _, from := range all {
			profiles[from.profile] = staging[OutputArtifacts]
			if from.kind == perch.KindProduction {
				profiles[from.profile] = production[OutputArtifacts]
			}
		}
		for _, outputs := range []map[string]string{staging, production} {
			bucket := "arn:aws:s3:::" + outputs[OutputArtifacts]
			if abac {
				kind := perch.KindStaging
				if outputs[OutputArtifacts] == production[OutputArtifacts] {
					kind = perch.KindProduction
				}
				a.things[bucket].tags = map[string]string{perch.TagProject: "shop", perch.TagKind: string(kind)}
			}
			for profile, artifacts := range profiles {
				t.Run(fmt.Sprintf("%s on %s, ABAC %v", profile, outputs[OutputArtifacts], abac), func(t *testing.T) {
					checkArtifacts(t, a, profile, bucket, artifacts == outputs[OutputArtifacts])
				})
			}
		}
	}
}

func checkArtifacts(t *testing.T, a *account, profile, bucket string, its bool) {
	t.Helper()
	bundle, earlier := bucket+"/bundles/4f2d.zip", strings.Contains(profile, "-"+earlierProfileID+"-")
	if got := a.may(profile, getObject, bundle); got != its && !earlier {
		t.Errorf("the bundle can be read: %v, want %v", got, its)
	}
	for _, key := range []string{
		"templates/4f2d.json", "templates/4f2d.parameters.json", "seeds/1/2",
		"cards/feature-login.json", "cards/unreadable/feature-login-4f2d.json", "removals/feature-login.json",
		"history/feature-login/4f2d.json", "admissions/1",
	} {
		if a.may(profile, getObject, bucket+"/"+key) {
			t.Errorf("%s can be read", key)
		}
	}
	for _, action := range []string{"s3:PutObject", "s3:DeleteObject"} {
		if a.may(profile, action, bucket+"/cards/feature-login.json") {
			t.Errorf("%s is allowed on cards", action)
		}
	}
	for action, arn := range map[string]string{
		"s3:ListBucket": bucket, "s3:PutObject": bundle, "s3:DeleteObject": bundle,
		"s3:AbortMultipartUpload": bucket + "/templates/x",
	} {
		if a.may(profile, action, arn) {
			t.Errorf("%s is allowed on %s", action, arn)
		}
	}
}

// TestTheEarlierRoleServesEnvironmentsThatHaveIt: `application up` takes nothing from an
// environment before its update.
func TestTheEarlierRoleServesEnvironmentsThatHaveIt(t *testing.T) {
	a, staging, production, all := everyKind(t, true)
	for _, of := range all {
		profile := staging[OutputEarlierProfile]
		if of.kind == perch.KindProduction {
			profile = production[OutputEarlierProfile]
		}
		bucket := of.arn(BucketID("assets"))
		for _, tags := range []map[string]string{a.things[bucket].tags, nil} { // With and without AbacStatus.
			a.things[bucket].tags = tags
			if !a.may(profile, getObject, bucket+"/a") || !a.may(profile, "s3:PutObject", bucket+"/a") {
				t.Errorf("%s lost its bucket", of.name)
			}
		}
		if !a.may(profile, getSecret, of.password) || !a.may(profile, getSecret, secretARN+"shop/common-key-AbCdEf") {
			t.Errorf("%s lost its secrets", of.name)
		}
		if of.kind != perch.KindProduction && a.may(production[OutputEarlierProfile], getSecret, of.password) {
			t.Errorf("production's earlier role may read the password of %s", of.name)
		}
		other := staging[OutputEarlierProfile]
		reached := a.may(other, getSecret, of.password) || a.may(other, getObject, bucket+"/a")
		if of.kind == perch.KindProduction && reached {
			t.Errorf("the earlier role of the staging application reaches %s", of.name)
		}
	}
}

func TestInstancesMayDoWhatElasticBeanstalkNeeds(t *testing.T) {
	a, _, _, all := everyKind(t, false)
	const (
		files        = "arn:aws:s3:::elasticbeanstalk-eu-central-1-111122223333/resources/"
		logs         = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/elasticbeanstalk/"
		environments = "arn:aws:elasticbeanstalk:eu-central-1:111122223333:environment/"
	)
	for _, of := range all {
		application := perch.ApplicationStackName("shop", of.kind)
		for action, arn := range map[string]string{
			"ecr:GetAuthorizationToken":              "*",
			"ecr:BatchGetImage":                      "arn:aws:ecr:eu-central-1:111122223333:repository/shop",
			getObject:                                files + "environments/e-abcdef/_runtime/versions/manifest",
			"s3:PutObject":                           files + "environments/logs/bundle/x",
			"logs:PutLogEvents":                      logs + "shop-x/y:log-stream:z",
			"elasticbeanstalk:PutInstanceStatistics": environments + application + "/" + of.name,
			"ssm:UpdateInstanceInformation":          "x",
		} {
			if !a.may(of.profile, action, arn) {
				t.Errorf("%s may not do %s on %s", of.name, action, arn)
			}
		}
		for _, key := range []string{"environments/logs/bundle/x", "templates/saved"} {
			if a.may(of.profile, getObject, files+key) {
				t.Errorf("%s may read %s of Elastic Beanstalk's bucket", of.name, key)
			}
		}
	}
}

// TestS130AnEnvironmentHasTheProfileOfItsKind renders environments with the outputs of both
// versions of the application stack.
func TestS130AnEnvironmentHasTheProfileOfItsKind(t *testing.T) {
	for _, kind := range perch.Kinds() {
		a := newAccount(t)
		outputs := applicationIn(a, kind.Application(), true)
		in := environmentInput(t, "topic", kind)
		parsed, err := ParseApplicationOutputs(outputs)
		if err != nil {
			t.Fatal(err)
		}
		in.Application = parsed
		got := optionsOf(decode(t, renderEnvironment(t, in)))[nsLaunch+" IamInstanceProfile"]
		if want := outputs[profileIDs[kind]]; got != want || want == outputs[OutputEarlierProfile] {
			t.Errorf("%s has the instance profile %v, want %s", kind, got, want)
		}
		for _, name := range profileIDs {
			delete(outputs, name)
		}
		if in.Application, err = ParseApplicationOutputs(outputs); err != nil {
			t.Errorf("outputs of an earlier version: %v", err)
		}
		want := fmt.Sprintf("no instance profile for environments of kind %s, "+
			"because an earlier version of Perch made it: run `perch application up --kind %s`", kind,
			kind.Application())
		if _, err := Environment(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want one with %q", kind, err, want)
		}
	}
}

// TestNamesOfRolesAreWhole: IAM takes 64 characters, and the documents in deploy/iam recognise a
// role by the whole name of its stack.
func TestNamesOfRolesAreWhole(t *testing.T) {
	for _, kind := range perch.Kinds() {
		stack := perch.ApplicationStackName(strings.Repeat("p", 15), kind)
		if name := stack + "-" + instanceRoleIDs[kind] + "-" + strings.Repeat("X", 13); len(name) > 64 {
			t.Errorf("%s has %d characters", name, len(name))
		}
	}
}
