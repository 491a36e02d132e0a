package run

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"go.temporal.io/sdk/log"
)

func TestAnAttemptThatFailsIsNotAnErrorInTheLog(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelInfo: "INFO Activity error. | WARN RecordActivityHeartbeat with errors | ERROR Workflow panic",
		slog.LevelWarn: "WARN RecordActivityHeartbeat with errors | ERROR Workflow panic",
	} {
		var out bytes.Buffer
		logger := TemporalLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
		logger = logger.(log.WithLogger).With("WorkerID", "1")
		logger.Error("Activity error.", "Error", "context canceled")
		logger.Warn("RecordActivityHeartbeat with errors") // Not one of the messages.
		logger.Error("Workflow panic")
		var got []string
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, " WorkerID=1") {
				t.Errorf("the line has lost its attributes: %s", line)
			}
			_, line, _ = strings.Cut(line, "level=")
			said, message, _ := strings.Cut(line, " msg=")
			message, _, _ = strings.Cut(message, " WorkerID")
			got = append(got, said+" "+strings.Trim(message, `"`))
		}
		if strings.Join(got, " | ") != want {
			t.Errorf("at level %s: %q, want %q", level, got, want)
		}
	}
}
