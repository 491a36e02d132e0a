package wire

import (
	"context"
	"time"
)

type lagKey struct{}

// WithLag makes a call that can be stale answer with what was true so long ago: AWS's reads are
// eventually consistent.
func WithLag(ctx context.Context, lag time.Duration) context.Context {
	return context.WithValue(ctx, lagKey{}, lag)
}

// Lag is how long ago it is that what a call answers was true.
func Lag(ctx context.Context) time.Duration {
	lag, _ := ctx.Value(lagKey{}).(time.Duration)
	return lag
}
