package activities

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/lifecycle"
	"perch/sandbox/aws"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	"perch/source"
)

// healthy is a world in which nothing is missing.
func healthy(t *testing.T) *world {
	w := newWorld(t)
	w.repo.commit("main", map[string]string{"a": "b"})
	w.apply()
	return w
}

// examine returns the checks by their names.
func (w *world) examine() map[string]perch.Check {
	w.t.Helper()
	checks := map[string]perch.Check{}
	for _, c := range must(w, of[*Examinations](w).Examine, perch.DoctorInput{Project: "shop"}).Checks {
		checks[c.Name] = c
	}
	return checks
}

// wantBroken checks that exactly these checks are not in order, and what they say.
func wantBroken(t *testing.T, checks map[string]perch.Check, want map[string]string) {
	t.Helper()
	for name, c := range checks {
		words, broken := want[name]
		if c.OK == broken || !strings.Contains(c.Detail, words) || c.OK && !c.Checked {
			t.Errorf("check %+v, want broken %v: %s", c, broken, words)
		}
		if unchecked := strings.HasPrefix(c.Detail, "not checked"); unchecked == c.Checked {
			t.Errorf("check %+v", c)
		}
	}
	for name := range want {
		if _, there := checks[name]; !there {
			t.Errorf("there is no check %s", name)
		}
	}
}

func TestDoctorFindsEverythingInPlace(t *testing.T) {
	w := healthy(t)
	result := must(w, of[*Examinations](w).Examine, perch.DoctorInput{Project: "shop"})
	var names []string
	for _, c := range result.Checks {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff(perch.WorkerChecks(), names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	checks := w.examine()
	wantBroken(t, checks, nil)
	for name, words := range map[string]string{
		perch.CheckAccount:     "123456789012 in eu-central-1, as arn:aws:sts::123456789012:assumed-role/",
		perch.CheckApplication: "shop-application-staging is CREATE_COMPLETE",
		perch.CheckRights:      "45 calls are allowed; not tried: what would change something (PutObject,",
		perch.CheckRepository:  "github.com/acme/shop is readable; its default branch main is at ",
		perch.CheckDomain:      "shop.localhost is in hosted zone Z0LOCALHOST0SANDBOX0 (localhost)",
		perch.CheckCertificate: "*.shop.localhost is issued (arn:aws:acm:",
	} {
		activitytest.WantWords(t, checks[name].Detail, words)
	}
}

// TestDoctorChangesNothing holds AWS's stacks and the bucket before against those after.
func TestDoctorChangesNothing(t *testing.T) {
	w := healthy(t)
	state := func() (names []string) {
		for pages := cloudformation.NewListStacksPaginator(
			w.cfn(), &cloudformation.ListStacksInput{},
		); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, stack := range page.StackSummaries {
				names = append(names, sdk.ToString(stack.StackName)+" "+string(stack.StackStatus))
			}
		}
		buckets, err := w.s3().ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, bucket := range buckets.Buckets {
			objects, err := w.s3().ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket.Name})
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range objects.Versions {
				names = append(names, *bucket.Name+"/"+*object.Key)
			}
		}
		return names
	}
	before := state()
	w.examine()
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("the account changed (-before +after):\n%s", diff)
	}
}

func TestDoctorNamesEachBrokenLink(t *testing.T) {
	const none = "not checked, because the worker has no credentials for the policy's account"
	noAccount := func(words string) map[string]string {
		return map[string]string{
			perch.CheckAccount:     words,
			perch.CheckApplication: none,
			perch.CheckRights:      none,
			perch.CheckStacks:      none,
			perch.CheckAddresses:   none,
			perch.CheckDomain:      none,
			perch.CheckCertificate: none,
		}
	}
	fault := func(service, action, code string, status int) func(*world) {
		return func(w *world) {
			w.fault(aws.Fault{Service: service, Action: action, Code: code, Message: "so it is", Status: status})
		}
	}
	for name, c := range map[string]struct {
		breaking func(*world)
		want     map[string]string
	}{
		"expired credentials": {
			fault("sts", "GetCallerIdentity", "ExpiredToken", 403),
			noAccount("AWS does not say whose credentials the worker has: ExpiredToken: so it is; give it valid ones"),
		},
		"another account": {
			func(w *world) { w.policy.Account = "210987654321" },
			noAccount("the worker's AWS credentials are for account 123456789012 and its policy is for 210987654321"),
		},
		"another region": {
			func(w *world) { w.policy.Region = "eu-west-1" },
			noAccount("the worker calls region eu-central-1 and its policy is for eu-west-1"),
		},
		"a missing right": {fault("cloudformation", "DeleteStack", "AccessDenied", 403),
			map[string]string{perch.CheckRights: "the worker's role lacks cloudformation:DeleteStack, or a policy " +
				"above it denies that"}},
		"a missing right in S3": {
			fault("s3", "GetBucketTagging", "AccessDenied", 403),
			map[string]string{perch.CheckRights: "the worker's role lacks s3:GetBucketTagging"},
		},
		"a service that fails": {fault("tagging", "GetResources", "InternalFailure", 500),
			map[string]string{perch.CheckRights: "AWS does not say whether these are allowed: tag:GetResources " +
				"(InternalFailure: so it is)"}},
		"no seed data": {func(w *world) { w.policy.Seeds.From = []string{"s3://acme-test-data/shop/"} },
			map[string]string{
				perch.CheckRights: "s3:ListBucket for s3://acme-test-data/shop/ (there is no such bucket)",
			}},
		"no default branch": {func(w *world) { w.policy.DefaultBranch = "trunk" },
			map[string]string{perch.CheckRepository: "github.com/acme/shop does not show its default branch trunk: " +
				"correct `default_branch` or `source` in the policy"}},
		"a source that rejects": {func(w *world) {
			of[*Examinations](w).doctor.Source = failing(&source.Rejected{Reason: "the token is expired"})
		},
			map[string]string{perch.CheckRepository: "github.com/acme/shop: the token is expired"}},
		"a source that fails": {
			func(w *world) { of[*Examinations](w).doctor.Source = failing(errors.New("no route to host")) },
			map[string]string{perch.CheckRepository: "github.com/acme/shop: no route to host"},
		},
		"no hosted zone": {func(w *world) { w.policy.HostedZone = "Z0GONE" }, map[string]string{
			perch.CheckDomain: "there is no hosted zone Z0GONE in account 123456789012; correct `hosted_zone` in the " +
				"policy",
		}},
		"another zone": {func(w *world) { w.policy.Domain = "preview.example.com" }, map[string]string{
			perch.CheckDomain: "hosted zone Z0LOCALHOST0SANDBOX0 is for localhost, and preview.example.com is " +
				"not a name in it",
			perch.CheckCertificate: "is for *.shop.localhost and not for *.preview.example.com; `perch application " +
				"up` makes one",
		}},
		"no right to look at the zone": {
			fault("route53", "ListResourceRecordSets", "AccessDenied", 403),
			map[string]string{perch.CheckDomain: "lacks route53:ListResourceRecordSets"},
		},
		"no right to ask Route 53's name servers": {
			fault("route53", "TestDNSAnswer", "AccessDenied", 403),
			map[string]string{perch.CheckRights: "the worker's role lacks route53:TestDNSAnswer"},
		},
		"no certificate": {
			fault("acm", "DescribeCertificate", "ResourceNotFoundException", 400),
			map[string]string{perch.CheckCertificate: "is gone; make it again with `perch application up`"},
		},
		"another repository's application": {func(w *world) {
			w.policy.Repository = "github.com/acme/other"
		}, map[string]string{
			perch.CheckApplication: "Perch does not change 1 stack of this project whose tags name the " +
				"repository github.com/acme/shop: shop-application-staging; ",
			perch.CheckStacks:      "write `repository: [github.com/acme/other, github.com/acme/shop]` in the policy",
			perch.CheckCertificate: "not checked, because the application stack does not name it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := healthy(t)
			c.breaking(w)
			checks := w.examine()
			wantBroken(t, checks, c.want)
			if len(checks) != len(perch.WorkerChecks()) {
				t.Errorf("checks %v", slices.Sorted(maps.Keys(checks)))
			}
		})
	}
}

func TestDoctorMissesTheApplicationStack(t *testing.T) {
	w := newWorld(t)
	w.repo.commit("main", map[string]string{"a": "b"})
	checks := w.examine()
	wantBroken(t, checks, map[string]string{
		perch.CheckApplication: "there is no application stack shop-application-staging yet: make it with `perch " +
			"application up --kind staging`",
		perch.CheckCertificate: "not checked, because the application stack does not name it: make the stack",
	})
	activitytest.WantWords(
		t,
		checks[perch.CheckRights].Detail,
		"36 calls are allowed; not tried: ",
		"; nor anything in a bucket, since there is no application stack",
	)
}

func TestDoctorNeedsNoDomain(t *testing.T) {
	w := newWorld(t)
	w.policy.Domain, w.policy.HostedZone = "", ""
	w.repo.commit("main", map[string]string{"a": "b"})
	w.apply()
	wantBroken(t, w.examine(), nil)
}

func TestDoctorSeesTheProductionApplicationIfThePolicyAllowsIt(t *testing.T) {
	w := healthy(t)
	w.policy.Kinds[perch.KindProduction] = []string{"main"}
	const name = perch.CheckApplication + " production"
	checks := w.examine()
	absent := checks[name]
	delete(checks, name)
	wantBroken(t, checks, nil)
	if !absent.OK || absent.Checked {
		t.Errorf("%+v; want nothing that fails or is ticked off", absent)
	}
	activitytest.WantWords(
		t, absent.Detail, "there is no stack shop-application-production; environments of kind production need it",
	)
	w.fault(aws.Fault{Stack: "shop-application-production", Phase: "create", Reason: "no capacity"})
	stack := w.bare("shop-application-production", "main", func(in *cloudformation.CreateStackInput) {
		in.Tags = stack.TagList(w.policy.Identity("").Tags(perch.KindProduction))
	})
	w.settle(stack)
	wantBroken(t, w.examine(), map[string]string{
		name: "stack shop-application-production is ROLLBACK_COMPLETE: see why in its events, delete it",
	})
}

func TestDoctorWaitsForAnApplicationThatIsBeingMade(t *testing.T) {
	w := newWorld(t)
	w.repo.commit("main", map[string]string{"a": "b"})
	hold := w.fault(aws.Fault{Stack: "shop-application-staging", Phase: "create", Hang: true})
	defer w.aws.DeleteFault(hold)
	must(w, of[*Applications](w).ApplyApplication, contract.ApplyInput{
		Application: perch.ApplicationInput{Project: "shop", Kind: perch.KindStaging, Apply: true}, Token: "apply",
	})
	activitytest.WantWords(
		t, w.examine()[perch.CheckApplication].Detail,
		"stack shop-application-staging is CREATE_IN_PROGRESS; wait until that is over",
	)
}

func TestS67DoctorSaysWhatGitHubRejects(t *testing.T) {
	w := healthy(t)
	server := w.onGitHub(1)
	of[*Examinations](w).doctor.Source = w.set.branches.Source
	server.Intercept(func(http.Handler) http.Handler { return hub.Answer(http.StatusUnauthorized, "Bad credentials") })
	wantBroken(t, w.examine(), map[string]string{perch.CheckRepository: "GitHub answered 401 (Bad credentials): the " +
		"token or the App's key is expired, revoked or mistyped; give the worker a new one"})
}

func TestDoctorSaysThatTheRepositoryIsArchived(t *testing.T) {
	w := newWorld(t)
	commit := w.repo.commit("main", map[string]string{"a": "b"})
	server := githubtest.New(t, w.repo.git)
	of[*Examinations](w).doctor.Source = w.github(server)
	server.Archive(true)
	if check := w.examine()[perch.CheckRepository]; check.OK ||
		!strings.HasSuffix(check.Detail, ": "+lifecycle.Archived) {
		t.Errorf("check %+v", check)
	}
	server.Archive(false)
	if check := w.examine()[perch.CheckRepository]; !check.OK || !strings.HasSuffix(check.Detail, "is at "+commit[:7]) {
		t.Errorf("check %+v", check)
	}
}

// checkedReports are reports whose check says so.
type checkedReports struct{ err error }

func (c checkedReports) Check(context.Context) (string, error) {
	return "GitHub shows environments", c.err
}

func TestDoctorChecksReportsAfterTheRepository(t *testing.T) {
	w := newWorld(t)
	w.repo.commit("main", map[string]string{"a": "b"})
	for _, denied := range []error{nil, errors.New("give the App the permission")} {
		of[*Examinations](w).doctor.Reports = checkedReports{denied}
		all := must(w, of[*Examinations](w).Examine, perch.DoctorInput{Project: "shop"}).Checks
		at := slices.IndexFunc(all, func(c perch.Check) bool { return c.Name == perch.CheckReports })
		if at < 1 || all[at-1].Name != perch.CheckRepository || all[at].OK != (denied == nil) {
			t.Errorf("checks %+v", all)
		}
	}
}

// TestDoctorSaysWhatTheCardsSayOfReports has cards with what was denied to another worker, and one
// whose problem was only worth a sentence.
func TestDoctorSaysWhatTheCardsSayOfReports(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.repo.commit("main", map[string]string{"a": "b"})
	of[*Examinations](w).doctor.Reports = checkedReports{}
	for _, branch := range []string{"login", "cart", "search", "edited"} {
		_, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment(
			"shop", branch,
		), func(c *perch.Card) error {
			c.GitHub = perch.GitHubMemory{Undelivered: branch != "edited", Problem: "give the token the permission"}
			if branch == "search" {
				c.GitHub, c.Slack = perch.GitHubMemory{}, perch.SlackMemory{Undelivered: true, Problem: "Slack said no"}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := "a report of cart and 1 more was not delivered: give the token the permission; " +
		"a report of search was not delivered: Slack said no"
	if check := w.examine()[perch.CheckReports]; check.OK || check.Detail != want {
		t.Errorf("check %+v", check)
	}
}

func TestDoctorOfAnotherProjectIsRejected(t *testing.T) {
	_, err := activitytest.Try(of[*Examinations](newWorld(t)).Examine, perch.DoctorInput{Project: "blog"})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `project "shop", not "blog"`)
}
