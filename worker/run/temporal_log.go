package run

import (
	"context"
	"log/slog"

	"go.temporal.io/sdk/log"
)

// attemptMessages are messages that Temporal's SDK logs as errors and warnings if an attempt of an
// activity fails, is canceled or is stopped together with its worker (go.temporal.io/sdk v1.50.0,
// internal/internal_task_handlers.go). They are not errors of the worker: Temporal retries the
// activity, or the run reports why it failed.
var attemptMessages = map[string]bool{"Activity error.": true, "RecordActivityHeartbeat with error": true}

// TemporalLogger returns a logger for Temporal's SDK. It logs failed attempts at level info, so
// that only real errors appear as errors.
func TemporalLogger(logger *slog.Logger) log.Logger {
	return log.NewStructuredLogger(slog.New(attempts{logger.Handler()}))
}

// attempts is a handler that recognises the messages about attempts.
type attempts struct{ slog.Handler }

// Handle implements slog.Handler.
func (a attempts) Handle(ctx context.Context, record slog.Record) error {
	if attemptMessages[record.Message] {
		record.Level = min(record.Level, slog.LevelInfo)
	}
	if !a.Enabled(ctx, record.Level) {
		return nil
	}
	return a.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (a attempts) WithAttrs(attrs []slog.Attr) slog.Handler {
	return attempts{a.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (a attempts) WithGroup(name string) slog.Handler { return attempts{a.Handler.WithGroup(name)} }
