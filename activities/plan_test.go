package activities

import (
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/cfn"
	"perch/sandbox/aws"
)

// planConfig is testConfig with a database whose name no setting changes.
var planConfig = strings.Replace(
	testConfig, "  load_balancer: shared\n",
	"  load_balancer: shared\n  instance_type: t3.medium\n  database: {class: db.t4g.micro}\n", 1,
)

func (w *world) planUp(branch, commit string) perch.PlanResult {
	w.t.Helper()
	return must(w, of[*Requests](w).PlanEnvironment, perch.PlanInput{Request: w.request(branch, commit)})
}

// actions are the changes of a plan by logical id.
func (w *world) actions(plan perch.PlanResult) map[string]perch.ChangeAction {
	found := map[string]perch.ChangeAction{}
	for _, change := range plan.Changes {
		found[change.LogicalID] = change.Action
	}
	return found
}

// mutations are the calls so far that store or change something.
func (w *world) mutations() (found []string) {
	for _, call := range w.aws.Calls() {
		for _, verb := range []string{
			"Create", "Update", "Delete", "Put", "Cancel", "Continue", "Rollback", "Terminate",
		} {
			if strings.HasPrefix(call.Action, verb) {
				found = append(found, call.Service+":"+call.Action)
			}
		}
	}
	return found
}

func TestPlanOfAFirstEnvironmentCreatesEverythingAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	before := w.mutations()
	plan := w.planUp("login", commit)
	if diff := cmp.Diff(before, w.mutations()); diff != "" {
		t.Errorf("a plan made calls that change something (-before +after):\n%s", diff)
	}
	if plan.Outcome != perch.OutcomePlanned || plan.Step != "create" || plan.Kind != perch.KindBranch ||
		plan.Status != "" || plan.Deployed != "" || plan.Protected {
		t.Errorf("%+v", plan)
	}
	if plan.Host != "login.shop.localhost" || plan.URL != "http://login.shop.localhost" {
		t.Errorf("host %q, URL %q", plan.Host, plan.URL)
	}
	for id, action := range w.actions(plan) {
		if action != perch.ActionCreate {
			t.Errorf("%s: %s", id, action)
		}
	}
	if len(plan.Changes) != w.render("login", commit).Resources {
		t.Errorf("%d resources are created of %d", len(plan.Changes), w.render("login", commit).Resources)
	}
	if plan.Time.Seconds < 800 || len(plan.Time.Path) < 3 {
		t.Errorf("time %+v", plan.Time)
	}
	if plan.Cost.USDPerDay <= 1 || plan.Cost.Region != "eu-central-1" || len(plan.Cost.Missing) > 0 {
		t.Errorf("cost %+v", plan.Cost)
	}
	var paths []string
	for _, d := range plan.Settings {
		paths = append(paths, d.Path)
	}
	if diff := cmp.Diff([]string{"instance_type", "database.backup_days"}, paths); diff != "" {
		t.Errorf("settings that are not staging's (-want +got):\n%s", diff)
	}
	if d := plan.Settings[0]; d.A != "t3.medium" || d.B != "t3.small" || d.BFrom == nil ||
		!strings.HasPrefix(*d.BFrom, "kinds.branch") {
		t.Errorf("%+v", d)
	}
}

func TestPlanOfWhatIsDeployedIsNothingToDo(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	w.up("login", commit)
	plan := w.planUp("login", commit)
	if plan.Outcome != perch.OutcomePlanned || plan.Step != "done" || plan.Deployed != commit ||
		plan.Status != "CREATE_COMPLETE" {
		t.Errorf("%+v", plan)
	}
	if len(plan.Changes) != 0 || len(plan.Outputs) != 0 || plan.Time.Seconds != 0 || plan.Cost.USDPerDay == 0 {
		t.Errorf("changes %v, outputs %v, time %v, cost %v", plan.Changes, plan.Outputs, plan.Time, plan.Cost)
	}
}

func TestPlanOfAnUpdateNamesWhatIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.apply()
	first := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	w.up("login", first)
	changed := strings.Replace(
		planConfig, "assets: {}, private-assets: {versioned: true}", "private-assets: {}, more: {}", 1,
	)
	changed = strings.Replace(changed, "class: db.t4g.micro", "class: db.t4g.small", 1)
	plan := w.planUp("login", w.repo.commit("login", map[string]string{"perch.yaml": changed}))
	want := map[string]perch.ChangeAction{
		"ApplicationVersion": perch.ActionReplace, "BucketAssets": perch.ActionRemove, "BucketMore": perch.ActionCreate,
		"BucketPrivateAssets": perch.ActionChange, "Database": perch.ActionChange, "Environment": perch.ActionChange,
	}
	if diff := cmp.Diff(want, w.actions(plan)); diff != "" || plan.Step != "update" || plan.Deployed != first {
		t.Errorf("step %s, deployed %s, changes (-want +got):\n%s", plan.Step, plan.Deployed, diff)
	}
	if diff := cmp.Diff([]string{cfn.OutputCommit, cfn.OutputTemplate}, plan.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

// TestPlanAgreesWithCloudFormation compares a plan with the change set that the endpoint makes of
// the same template. It knows the values that resources have now, and not that a replacement
// changes them: what only the plan has is indirect.
func TestPlanAgreesWithCloudFormation(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.up("login", w.repo.commit("login", map[string]string{"perch.yaml": planConfig}))
	for name, change := range map[string][2]string{
		"a bucket less":    {"assets: {}, ", ""},
		"another database": {"class: db.t4g.micro", "class: db.t4g.small, multi_az: true"},
		"no database":      {"  database: {class: db.t4g.micro}\n", ""},
		"another instance": {"instance_type: t3.small", "instance_type: t3.micro"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(planConfig, change[0]) {
				t.Fatalf("the configuration has no %q", change[0])
			}
			commit := w.repo.commit(
				"login", map[string]string{"perch.yaml": strings.Replace(planConfig, change[0], change[1], 1)},
			)
			plan := w.planUp("login", commit)
			w.render("login", commit)
			_, address := w.admission("login")
			want := w.changeSet(id, address, strings.ReplaceAll(name, " ", "-"))
			got := map[string]string{}
			for _, c := range plan.Changes {
				if slices.ContainsFunc(c.Properties, func(p perch.PropertyChange) bool { return p.Because == "" }) ||
					len(c.Properties) == 0 {
					got[c.LogicalID] = string(c.Action)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the change set (-) and the plan (+):\n%s", diff)
			}
		})
	}
}

// changeSet is what a change set of the template says, in the words of a plan.
func (w *world) changeSet(stackID, templateURL, name string) map[string]string {
	w.t.Helper()
	set, err := w.cfn().CreateChangeSet(
		w.t.Context(),
		&cloudformation.CreateChangeSetInput{StackName: &stackID, TemplateURL: &templateURL, ChangeSetName: &name},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.cfn().DescribeChangeSet(w.t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: set.Id})
	if err != nil {
		w.t.Fatal(err)
	}
	words := map[string]string{"Add": "create", "Remove": "remove", "Modify": "change", "ModifyTrue": "replace"}
	found := map[string]string{}
	for _, c := range out.Changes {
		action := string(c.ResourceChange.Action)
		if c.ResourceChange.Replacement == "True" {
			action += "True"
		}
		found[*c.ResourceChange.LogicalResourceId] = words[action]
	}
	return found
}

func TestPlanSaysThatAReplacedDatabaseLosesItsData(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.policy.Snapshots.From = []string{"shop-sample"}
	w.up("login", w.repo.commit("login", map[string]string{"perch.yaml": planConfig}))
	restored := strings.Replace(
		planConfig, "class: db.t4g.micro", "class: db.t4g.micro, mode: snapshot, snapshot: shop-sample", 1,
	)
	plan := w.planUp("login", w.repo.commit("login", map[string]string{"perch.yaml": restored}))
	for _, change := range plan.Changes {
		if change.LogicalID == "Database" && (change.Action != perch.ActionReplace || change.Data != "lost") {
			t.Errorf("%+v", change)
		}
		if change.LogicalID == "DatabaseSecretAttachment" &&
			(len(change.Properties) != 1 || change.Properties[0].Because != "Database") {
			t.Errorf("what refers to it: %+v", change)
		}
	}
	if w.actions(plan)["Database"] == "" || w.actions(plan)["DatabaseSecretAttachment"] == "" {
		t.Errorf("changes %+v", plan.Changes)
	}
}

func TestPlanOfACustomTemplate(t *testing.T) {
	w, commit := newCustomWorld(t, nil)
	plan := w.planUp("login", commit)
	want := map[string]perch.ChangeAction{
		"Logs": perch.ActionCreate, "Media": perch.ActionCreate, "Topic": perch.ActionCreate,
	}
	if diff := cmp.Diff(
		want, w.actions(plan),
	); diff != "" || plan.URL != "http://login.example.com" || plan.Host != "" {
		t.Errorf("URL %q, host %q, changes (-want +got):\n%s", plan.URL, plan.Host, diff)
	}
	w.customUp(commit)
	if plan := w.planUp("login", commit); plan.Step != "done" || len(plan.Changes) != 0 || len(plan.Outputs) != 0 {
		t.Errorf("%+v", plan)
	}
	changed := strings.Replace(
		customTemplate, "  Logs: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}\n",
		"  Cache: {Type: AWS::ElastiCache::CacheCluster}\n", 1,
	)
	changed = strings.Replace(changed, "DisplayName: !Ref Branch", "TopicName: !Ref Site", 1)
	plan = w.planUp("login", w.repo.commit("login", map[string]string{
		"deploy/template.yaml": changed,
		"perch.yaml":           strings.Replace(customConfig, "{slug}.example.com", "{slug}.example.org", 1),
	}))
	want = map[string]perch.ChangeAction{
		"Cache": perch.ActionCreate, "Logs": perch.ActionRemove, "Topic": perch.ActionReplace,
	}
	if diff := cmp.Diff(want, w.actions(plan)); diff != "" || plan.URL != "http://login.example.org" {
		t.Errorf("URL %q, changes (-want +got):\n%s", plan.URL, diff)
	}
	if diff := cmp.Diff(
		[]string{"no price for AWS::ElastiCache::CacheCluster (Cache) in eu-central-1"}, plan.Cost.Missing,
	); diff != "" {
		t.Errorf("no price for (-want +got):\n%s", diff)
	}
}

func TestPlanOfASharedDatabase(t *testing.T) {
	w := newWorld(t)
	w.policy.SharedDatabase = &perch.SharedDatabase{Version: "16", Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7}
	w.apply()
	plan := w.planUp("login", w.repo.commit(
		"login",
		map[string]string{"perch.yaml": strings.Replace(planConfig, "{class: db.t4g.micro}", "{mode: shared}", 1)},
	))
	if plan.Outcome != perch.OutcomePlanned || !plan.SharedDatabase || plan.Time.Seconds > 300 ||
		w.actions(plan)["Database"] != "" {
		t.Errorf("%+v", plan)
	}
}

func TestPlanSaysWhatAnUpWouldBeRejectedFor(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	w.policy.InstanceTypes = []string{"t4g.*"}
	admitted := w.admit(w.request("login", commit))
	if plan := w.planUp(
		"login", commit,
	); plan.Outcome != perch.OutcomeRejected || plan.Reason != said(admitted) || plan.Changes != nil {
		t.Errorf("%+v", plan)
	}
	w.policy.InstanceTypes = nil
	w.repo.point("docs-no-infra", commit)
	if plan := w.planUp("docs-no-infra", commit); plan.Outcome != perch.OutcomeSkipped || plan.Reason == "" {
		t.Errorf("%+v", plan)
	}
	w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.Tags = nil })
	plan := w.planUp("login", commit)
	if plan.Outcome != perch.OutcomeRejected {
		t.Errorf("%+v", plan)
	}
	activitytest.WantWords(t, plan.Reason, "stack shop-login exists", "Perch does not manage it")
}

func TestPlanOfACommitThatIsSuperseded(t *testing.T) {
	w := newWorld(t)
	w.apply()
	first := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	second := w.repo.commit("login", nil)
	w.up("login", second)
	if plan := w.planUp("login", first); plan.Outcome != perch.OutcomeSuperseded || plan.SupersededBy != second {
		t.Errorf("%+v", plan)
	}
}

func TestPlanWithoutAnApplicationStackSaysTheSameAsUp(t *testing.T) {
	w := newWorld(t)
	commit := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	_, want := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", commit)})
	_, err := activitytest.Try(of[*Requests](w).PlanEnvironment, perch.PlanInput{Request: w.request("login", commit)})
	activitytest.WantFinal(
		t, err, perch.ErrorInvalid, "there is no application stack shop-application-staging yet",
		"perch application up --kind staging",
	)
	if want == nil {
		t.Error("up renders without it")
	}
}

func TestPlanOfAFailedCreationDeletesAndCreates(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	w.fault(aws.Fault{Stack: "shop-login", LogicalID: "Environment", Phase: "create", Reason: "no capacity", Count: 1})
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), Kind: perch.KindBranch,
		Template: w.render("login", commit).Hash, Token: "create",
	}
	out := must(w, of[*Stacks](w).CreateStack, in)
	w.settle(out.StackID)
	plan := w.planUp("login", commit)
	if plan.Outcome != perch.OutcomePlanned || plan.Step != "delete" || plan.Status != "ROLLBACK_COMPLETE" {
		t.Errorf("%+v", plan)
	}
	for id, action := range w.actions(plan) {
		if action != perch.ActionCreate {
			t.Errorf("%s: %s", id, action)
		}
	}
}

func TestS94PlanOfARecreation(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": planConfig})
	id := w.up("login", commit)
	request := w.request("login", commit)
	request.Recreate = true
	plan := must(w, of[*Requests](w).PlanEnvironment, perch.PlanInput{Request: request})
	if plan.Outcome != perch.OutcomePlanned || plan.Step != "delete" || len(plan.Changes) == 0 {
		t.Errorf("%+v", plan)
	}
	for id, action := range w.actions(plan) {
		if action != perch.ActionCreate {
			t.Errorf("%s: %s", id, action)
		}
	}
	if got := w.admit(request); got.Settled != nil || got.Prepared == nil {
		t.Errorf("a recreation counts as settled: %+v", got)
	}
	if _, err := w.cfn().UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{
		StackName: &id, EnableTerminationProtection: awssdk.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	plan = must(w, of[*Requests](w).PlanEnvironment, perch.PlanInput{Request: request})
	if plan.Outcome != perch.OutcomeRejected {
		t.Errorf("a protected stack: %+v", plan)
	}
	activitytest.WantWords(t, plan.Reason, "stack shop-login is protected", "termination protection is on")
}

func TestS96AdmitSaysWhetherThePolicyAllowsToRecreate(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	for repair, want := range map[perch.Repair]bool{"": false, perch.RepairKeep: false, perch.RepairRecreate: true} {
		w.policy.Repair = repair
		if got := w.admit(w.request("login", commit)); got.MayRecreate != want {
			t.Errorf("repair %q: %+v", repair, got)
		}
	}
}

func TestPlanOfAStackWithoutANextStep(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("staging", map[string]string{"perch.yaml": planConfig})
	w.fault(aws.Fault{
		Stack: "shop-staging", LogicalID: "Environment", Phase: "create", Reason: "no capacity", Count: 1,
	})
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "staging"), Kind: perch.KindStaging,
		Template: w.render("staging", commit).Hash, Token: "create",
	}
	w.settle(must(w, of[*Stacks](w).CreateStack, in).StackID)
	plan := w.planUp("staging", commit)
	if plan.Outcome != perch.OutcomeFailed {
		t.Errorf("%+v", plan)
	}
	activitytest.WantWords(
		t, plan.Reason, "stack shop-staging is ROLLBACK_", "it was never ready, and Perch does not delete it",
		"delete the stack in the CloudFormation console",
	)
}

func TestPlanOfAProtectedStack(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("staging", map[string]string{"perch.yaml": planConfig})
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "staging"), Kind: perch.KindStaging,
		Template: w.render("staging", commit).Hash, Token: "create",
	}
	w.settle(must(w, of[*Stacks](w).CreateStack, in).StackID)
	plan := w.planUp("staging", w.repo.commit("staging", nil))
	if plan.Outcome != perch.OutcomePlanned || !plan.Protected || plan.Kind != perch.KindStaging ||
		len(plan.Settings) != 0 {
		t.Errorf("%+v", plan)
	}
}

func TestPlanWarnsOfSettingsThatAreMostLikelyMistakes(t *testing.T) {
	w := newWorld(t)
	w.apply()
	plan := w.planUp("login", w.repo.commit("login", map[string]string{"perch.yaml": planConfig}))
	if len(plan.Warnings) > 0 {
		t.Errorf("warnings about right settings: %q", plan.Warnings)
	}
	mistaken := strings.NewReplacer("t3.small", "t3.samll", "db.t4g.micro", "db.t4g.mirco").Replace(planConfig)
	plan = w.planUp("login", w.repo.commit("login", map[string]string{"perch.yaml": mistaken}))
	for _, want := range []string{
		"instance_type t3.samll (kinds.branch, line ", "the most similar is t3.small", "database.class db.t4g.mirco (",
		"the most similar is db.t4g.micro",
	} {
		if !strings.Contains(strings.Join(plan.Warnings, "\n"), want) {
			t.Errorf("no %q in %q", want, plan.Warnings)
		}
	}
}
