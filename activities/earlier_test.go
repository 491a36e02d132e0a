package activities

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn"
)

// earlierApplication makes the staging application stack as an earlier version did: with one
// instance role for both kinds.
func (w *world) earlierApplication() {
	w.t.Helper()
	template, err := cfn.Application(cfn.ApplicationInput{
		Project: "shop", Kind: perch.KindStaging, Policy: *w.policy, EarlierRole: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(template.Body, &body); err != nil {
		w.t.Fatal(err)
	}
	for _, part := range []string{"Resources", "Outputs"} {
		for id := range body[part].(map[string]any) {
			if strings.HasPrefix(id, "Branch") || strings.HasPrefix(id, "Staging") {
				delete(body[part].(map[string]any), id)
			}
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	earlier := string(text)
	w.settle(w.bare("shop-application-staging", "x", func(in *cloudformation.CreateStackInput) {
		in.Tags, in.TemplateBody = stack.TagList(w.policy.Identity("").Tags(perch.KindStaging)), &earlier
		in.Capabilities = []types.Capability{types.CapabilityCapabilityIam}
	}))
}

// applied brings the staging application stack up to date and returns its outputs.
func (w *world) applied(token string) map[string]string {
	w.t.Helper()
	in := staging(token)
	w.settle(must(w, of[*Applications](w).ApplyApplication, in).StackID)
	out := must(w, of[*Applications](w).DescribeApplication, in.Application)
	if out.Status != "UPDATE_COMPLETE" {
		w.t.Fatalf("the application stack is %s", out.Status)
	}
	return out.Outputs
}

// TestS130TheEarlierRoleStaysWhileAnEnvironmentHasIt brings an installation of an earlier version
// up to date.
func TestS130TheEarlierRoleStaysWhileAnEnvironmentHasIt(t *testing.T) {
	w := newWorld(t)
	w.repo.commit("main", map[string]string{"a": "b"})
	w.earlierApplication()
	login := w.bare("shop-login", "login", nil) // No output says which profile it has.
	w.settle(login)
	commit := w.repo.commit("topic", map[string]string{"perch.yaml": testConfig})
	in := contract.AdmitInput{Request: w.request("topic", commit)}
	const todo = "an earlier version of Perch made it: run `perch application up --kind staging`, then try again"
	_, err := activitytest.Try(of[*Requests](w).Admit, in)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "no instance profile for environments of kind branch", todo)
	detail := w.examine()[perch.CheckApplication].Detail
	activitytest.WantWords(t, detail, "no instance profile for environments of kind staging", todo)

	first := w.applied("one")
	for _, name := range []string{cfn.OutputEarlierProfile, "BranchInstanceProfile", "StagingInstanceProfile"} {
		if first[name] == "" {
			t.Errorf("there is no output %s: %v", name, first)
		}
	}
	wantBroken(t, w.examine(), nil)
	w.up("topic", commit)
	described, _, err := of[*Stacks](w).Describe(t.Context(), "shop-topic")
	if profile := stack.Outputs(described)[cfn.OutputProfile]; err != nil || profile != first["BranchInstanceProfile"] {
		t.Errorf("the new environment has the profile %q, %v", profile, err)
	}

	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: login, Token: "gone"},
	)
	w.settle(login)
	second := w.applied("two")
	if second[cfn.OutputEarlierProfile] != "" || second["BranchInstanceProfile"] != first["BranchInstanceProfile"] {
		t.Errorf("outputs %v, want no earlier profile and the same one for branches", second)
	}
	if again := must(w, of[*Applications](w).ApplyApplication, staging("three")); !again.Unchanged {
		t.Errorf("again: %+v", again)
	}
}

// A custom template brings its own roles.
func TestACustomTemplateKeepsNoEarlierRole(t *testing.T) {
	w := newWorld(t)
	w.earlierApplication()
	body := `{"Resources": {"Files": {"Type": "AWS::S3::Bucket"}}, "Outputs": {"PerchURL": {"Value": "http://x"}}}`
	w.settle(w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.TemplateBody = &body }))
	if outputs := w.applied("one"); outputs[cfn.OutputEarlierProfile] != "" {
		t.Errorf("outputs %v", outputs)
	}
}
