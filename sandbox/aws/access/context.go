package access

import "context"

type callerKey struct{}

// WithCaller returns a context in which calls are the caller's.
func WithCaller(ctx context.Context, caller *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// CallerOf is the caller of a context; nil, an administrator, if it names none.
func CallerOf(ctx context.Context) *Caller {
	caller, _ := ctx.Value(callerKey{}).(*Caller)
	return caller
}
