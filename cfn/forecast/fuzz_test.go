package forecast

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"perch"
)

// FuzzForecast reads any template, because templates come from accounts and repositories.
func FuzzForecast(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no templates to begin with: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte(`{"Resources": {}}`))
		f.Add([]byte(nil), data)
	}
	f.Add([]byte(`{"Conditions": {"A": {"Fn::Or": [{"Condition": "A"}, 1]}}, "Resources": {"R": {"Condition": "A", `+
		`"DependsOn": ["R", 1]}}}`),
		[]byte(`{"Resources": {"R": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [1]}}}}`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		deployed, wanted := Version{Template: before}, Version{Template: after}
		compared, err := Compare(deployed, wanted)
		if err != nil {
			return
		}
		compared.Estimate()
		if cost, err := Cost(wanted, "eu-central-1"); err != nil || cost.USDPerDay < 0 {
			t.Fatalf("%+v, %v", cost, err)
		}
		if _, err := json.Marshal(compared.Changes); err != nil {
			t.Fatal(err)
		}
		same, err := Compare(wanted, wanted)
		if err != nil || len(same.Changes) > 0 || len(same.Outputs) > 0 {
			t.Fatalf("a template differs from itself: %+v, %v", same, err)
		}
		created, err := Compare(Version{}, wanted)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range created.Changes {
			if change.Action != perch.ActionCreate {
				t.Fatalf("without a stack %s is to %s", change.LogicalID, change.Action)
			}
		}
	})
}
