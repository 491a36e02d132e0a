package run

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"perch"
)

func (b *bench) stackOf(t *testing.T, branch string) string {
	t.Helper()
	environment, err := perch.NewEnvironment(b.project, branch)
	if err != nil {
		t.Fatal(err)
	}
	return environment.StackName()
}

func (b *bench) history(t *testing.T, workflow, run string) *historypb.History {
	t.Helper()
	c := b.connect(t)
	var history historypb.History
	for events := c.GetWorkflowHistory(
		t.Context(), workflow, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, event)
	}
	return &history
}

// save writes the history of the run in document, or of the newest run if document names none. It
// removes what identifies a machine or a person.
func (b *bench) save(t *testing.T, name, workflow string, document document) {
	t.Helper()
	data, err := protojson.Marshal(b.history(t, workflow, document.text("run", "run_id")))
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	if data, err = json.MarshalIndent(scrub(plain), "", " "); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "workflows", "testdata", "histories", name+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// scrub replaces the identities of workers and requesters.
func scrub(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = scrub(value[i])
		}
	case map[string]any:
		for key, inner := range value {
			value[key] = scrub(inner)
		}
		for _, key := range []string{"identity", "by"} {
			if _, ok := value[key].(string); ok {
				value[key] = "perch"
			}
		}
		if data, ok := value["data"].(string); ok {
			value["data"] = scrubPayload(data)
		}
	}
	return value
}

func scrubPayload(data string) string {
	raw, err := base64.StdEncoding.DecodeString(data)
	var plain map[string]any
	if err != nil || json.Unmarshal(raw, &plain) != nil {
		return data
	}
	raw, err = json.Marshal(scrub(plain))
	if err != nil {
		return data
	}
	return base64.StdEncoding.EncodeToString(raw)
}
