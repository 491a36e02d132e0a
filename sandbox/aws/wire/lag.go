package wire

import (
	"context"
	"time"
)

type lagKey struct{}

// WithLag makes a call that can be stale answer with the state from this long ago, because AWS's
// reads are eventually consistent.
func WithLag(ctx context.Context, lag time.Duration) context.Context {
	return context.WithValue(ctx, lagKey{}, lag)
}

// Lag returns how old the state in an answer is.
func Lag(ctx context.Context) time.Duration {
	lag, _ := ctx.Value(lagKey{}).(time.Duration)
	return lag
}
