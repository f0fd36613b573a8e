package ports

import (
	"context"
	"time"
)

// InterceptStream puts i around every call of s; a nil i is none, and s comes back as it is.
func InterceptStream(s Stream, i Interceptor) Stream {
	if i == nil {
		return s
	}
	return &interceptedStream{Stream: s, seam: seam{i, "stream", s.Name()}}
}

type interceptedStream struct {
	Stream
	seam seam
}

// Unwrap is [Unwrapper].
func (s *interceptedStream) Unwrap() Driver { return s.Stream }

func (s *interceptedStream) Close(ctx context.Context) error {
	return s.seam.do(ctx, "close", "", s.Stream.Close)
}

func (s *interceptedStream) Append(ctx context.Context, stream string, fields []Field, o AppendOptions) (string, error) {
	return ask(ctx, &s.seam, "append", stream, func(ctx context.Context) (string, error) {
		return s.Stream.Append(ctx, stream, fields, o)
	})
}

func (s *interceptedStream) Read(ctx context.Context, o ReadOptions, after ...Offset) ([]Entry, error) {
	target := ""
	if len(after) > 0 {
		target = after[0].Stream
	}
	return ask(ctx, &s.seam, "read", target, func(ctx context.Context) ([]Entry, error) {
		return s.Stream.Read(ctx, o, after...)
	})
}

func (s *interceptedStream) Len(ctx context.Context, stream string) (int64, error) {
	return ask(ctx, &s.seam, "len", stream, func(ctx context.Context) (int64, error) { return s.Stream.Len(ctx, stream) })
}

func (s *interceptedStream) Trim(ctx context.Context, stream, minID string) (int64, error) {
	return ask(ctx, &s.seam, "trim", stream, func(ctx context.Context) (int64, error) {
		return s.Stream.Trim(ctx, stream, minID)
	})
}

func (s *interceptedStream) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	return ask(ctx, &s.seam, "delete", stream, func(ctx context.Context) (int64, error) {
		return s.Stream.Delete(ctx, stream, ids...)
	})
}

func (s *interceptedStream) CreateGroup(ctx context.Context, stream, group string, o GroupOptions) error {
	return s.seam.do(ctx, "create group", stream, func(ctx context.Context) error {
		return s.Stream.CreateGroup(ctx, stream, group, o)
	})
}

func (s *interceptedStream) DeleteGroup(ctx context.Context, stream, group string) error {
	return s.seam.do(ctx, "delete group", stream, func(ctx context.Context) error {
		return s.Stream.DeleteGroup(ctx, stream, group)
	})
}

func (s *interceptedStream) ReadGroup(ctx context.Context, group, consumer string, o ReadOptions, streams ...string) ([]Entry, error) {
	return ask(ctx, &s.seam, "read group", firstOf(streams), func(ctx context.Context) ([]Entry, error) {
		return s.Stream.ReadGroup(ctx, group, consumer, o, streams...)
	})
}

func (s *interceptedStream) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	return ask(ctx, &s.seam, "ack", stream, func(ctx context.Context) (int64, error) {
		return s.Stream.Ack(ctx, stream, group, ids...)
	})
}

func (s *interceptedStream) Pending(ctx context.Context, stream, group string, o PendingOptions) ([]PendingEntry, error) {
	return ask(ctx, &s.seam, "pending", stream, func(ctx context.Context) ([]PendingEntry, error) {
		return s.Stream.Pending(ctx, stream, group, o)
	})
}

func (s *interceptedStream) Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]Entry, error) {
	return ask(ctx, &s.seam, "claim", stream, func(ctx context.Context) ([]Entry, error) {
		return s.Stream.Claim(ctx, stream, group, consumer, minIdle, ids...)
	})
}
