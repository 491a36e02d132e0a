package perch

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStepsHaveNamesThatPeopleCanRead(t *testing.T) {
	for want, step := range map[string]SeedStep{
		"s3 fixtures/media": {S3: &SeedS3{From: "fixtures/media", To: "assets"}},
		"http PUT /a?b=c":   {HTTP: &SeedHTTP{Method: "PUT", Path: "/a?b=c", Secret: "TOKEN"}},
		"run sh -c echo a b": {
			Run: &SeedRun{Command: []string{"sh", "-c", "echo\n a\t\x1b\u202eb"}},
		},
		"run " + strings.Repeat("é", 58) + "...": {Run: &SeedRun{Command: []string{strings.Repeat("é", 300)}}},
	} {
		if got := step.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestOnlyWhatNeedsTheAppIsLater(t *testing.T) {
	if (SeedStep{S3: &SeedS3{}}).Later() || !(SeedStep{HTTP: &SeedHTTP{}}).Later() ||
		!(SeedStep{Run: &SeedRun{}}).Later() {
		t.Error("an s3 step waits for the app, or another does not")
	}
}

func TestHoursAreReadAsTheyAreWritten(t *testing.T) {
	data, err := json.Marshal(Expiry{Idle: 168, Warn: 24})
	if err != nil {
		t.Fatal(err)
	}
	var read Expiry
	if err := json.Unmarshal(data, &read); err != nil || read != (Expiry{Idle: 168, Warn: 24}) {
		t.Errorf("%s is read as %+v, %v", data, read, err)
	}
	for _, text := range []string{`"90m"`, `"7d"`, `""`} {
		var hours Hours
		if err := json.Unmarshal([]byte(text), &hours); err == nil {
			t.Errorf("%s is read as %s", text, hours)
		}
	}
}
