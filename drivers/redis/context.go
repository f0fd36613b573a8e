package redis

import (
	"context"
	"time"
)

// undated is a context without its deadline, which it keeps as an end: rueidis heeds Done only where there is no
// Deadline, and would otherwise sit out its own timeout after a cancel.
type undated struct{ context.Context }

// Deadline hides it.
func (undated) Deadline() (time.Time, bool) { return time.Time{}, false }

// withoutDeadline is ctx for rueidis.
func withoutDeadline(ctx context.Context) context.Context {
	if _, ok := ctx.Deadline(); !ok {
		return ctx
	}
	return undated{ctx}
}

type staleKey struct{}

// StaleOK marks the reads under the context as content with what a replica has, which may be behind. A replica answers
// them where [Config.ReadFromReplicas] permits it and one is there, the master otherwise.
func StaleOK(ctx context.Context) context.Context { return context.WithValue(ctx, staleKey{}, true) }

func staleOK(ctx context.Context) bool {
	marked, _ := ctx.Value(staleKey{}).(bool)
	return marked
}
