package activities

import (
	"encoding/json"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/cfn"
)

// databaseOf is the database in the template that is admitted now for login with this configuration
// of a database.
func (w *world) databaseOf(database string) map[string]any {
	w.t.Helper()
	w.render("login", w.commitDatabase(database))
	var template struct {
		Resources map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal([]byte(w.templateOf("login")), &template); err != nil {
		w.t.Fatal(err)
	}
	return template.Resources[cfn.DatabaseID].Properties
}

func (w *world) commitDatabase(database string) string {
	const before = "  load_balancer: shared\n"
	config := strings.Replace(testConfig, before, before+"  database: "+database+"\n", 1)
	return w.repo.commit("login", map[string]string{"perch.yaml": config, "fixtures/media/a.txt": "a"})
}

func wantDatabase(t *testing.T, got map[string]any, version, lifecycle any) {
	t.Helper()
	if got["EngineVersion"] != version || got["EngineLifecycleSupport"] != lifecycle {
		t.Errorf("version %v, %v; want %v, %v", got["EngineVersion"], got["EngineLifecycleSupport"], version, lifecycle)
	}
}

func TestS190ANewDatabaseRunsPostgreSQL18WithoutExtendedSupport(t *testing.T) {
	w := newWorld(t)
	w.apply()
	wantDatabase(t, w.databaseOf("{class: db.t4g.micro}"), "18", cfn.ExtendedSupportDisabled)
	wantDatabase(t, w.databaseOf(`{version: "16"}`), "16", cfn.ExtendedSupportDisabled)
	_, err := activitytest.Try(
		of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", w.commitDatabase(`{version: "13"}`))},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, `database.version is "13"`, "standard support", `use "18"`)
}

func TestS191AnExistingDatabaseKeepsItsMajorVersion(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.up("login", w.commitDatabase(`{version: "16"}`))
	wantDatabase(t, w.databaseOf("{class: db.t4g.small}"), "16", cfn.ExtendedSupportDisabled)
	wantDatabase(t, w.databaseOf(`{version: "17"}`), "17", cfn.ExtendedSupportDisabled)
	_, err := activitytest.Try(
		of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", w.commitDatabase(`{version: "15"}`))},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "the database runs PostgreSQL 16", "does not downgrade")

	w.customUpdate(id, w.commitDatabase(`{version: "17"}`))
	name := w.physical(id, cfn.DatabaseID)
	in := &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name}
	out, err := rds.NewFromConfig(w.config).DescribeDBInstances(t.Context(), in)
	if err != nil || sdk.ToString(out.DBInstances[0].EngineVersion) != "17" {
		t.Errorf("databases %+v, %v; want version 17", out, err)
	}
	wantDatabase(t, w.databaseOf("{class: db.t4g.small}"), "17", cfn.ExtendedSupportDisabled)
}

// TestS191ADatabaseOfAnEarlierVersionOfPerchKeepsExtendedSupport: RDS would upgrade it otherwise.
func TestS191ADatabaseOfAnEarlierVersionOfPerchKeepsExtendedSupport(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.render("login", w.commitDatabase(`{version: "16"}`))
	earlier := strings.NewReplacer(
		`"EngineVersion": "16"`,
		`"EngineVersion": "13"`,
		`"EngineVersion":"16"`,
		`"EngineVersion":"13"`,
		cfn.ExtendedSupportDisabled,
		"open-source-rds-extended-support",
	).Replace(w.templateOf("login"))
	w.settle(w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) {
		in.TemplateBody = &earlier
		in.Capabilities = append(in.Capabilities, "CAPABILITY_IAM")
	}))
	wantDatabase(t, w.databaseOf("{class: db.t4g.small}"), "13", nil)
	wantDatabase(t, w.databaseOf(`{version: "13"}`), "13", nil)
}

func TestS191TheSharedDatabaseKeepsItsMajorVersion(t *testing.T) {
	w := newWorld(t)
	w.policy.SharedDatabase = &perch.SharedDatabase{Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7}
	version := func() any {
		w.t.Helper()
		in := &cloudformation.GetTemplateInput{StackName: sdk.String("shop-application-staging")}
		out, err := w.cfn().GetTemplate(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]struct{ Properties map[string]any }
		}
		if err := json.Unmarshal([]byte(*out.TemplateBody), &template); err != nil {
			t.Fatal(err)
		}
		return template.Resources[cfn.SharedDatabaseID].Properties["EngineVersion"]
	}
	w.policy.SharedDatabase.Version = "16"
	w.apply()
	w.policy.SharedDatabase.Version, w.policy.SharedDatabase.Class = "", "db.t4g.large"
	w.applied("again")
	if got := version(); got != "16" {
		t.Errorf("the shared instance gets version %v, and runs 16", got)
	}
}
