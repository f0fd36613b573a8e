package mutants_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/ports"
)

// A driver that declares less, and says so when it is asked for more, is sound: nothing of what is left depends on it.
func TestStreamWithFewerCapabilities(t *testing.T) {
	for _, has := range []ports.StreamCapabilities{{}, {Groups: true}, {Blocking: true}} {
		synctest.Test(t, func(t *testing.T) {
			h := streamHarness()
			open := h.Open
			h.Open = func(ctx context.Context, namespace string) (ports.Stream, error) {
				d, err := open(ctx, namespace)
				return modestStream{d, has}, err
			}
			r := conformance.CheckStream(t.Context(), h)
			if err := r.Err(); err != nil {
				t.Errorf("%+v: %v", has, err)
			}
			count := map[conformance.Outcome]int{}
			for _, res := range r.Results {
				count[res.Outcome]++
			}
			if count[conformance.NotDeclared] == 0 || count[conformance.Pass] == 0 {
				t.Errorf("%+v: outcomes are %v", has, count)
			}
		})
	}
}

// modestStream refuses what it does not declare.
type modestStream struct {
	ports.Stream
	has ports.StreamCapabilities
}

func (m modestStream) StreamCapabilities() ports.StreamCapabilities { return m.has }

func (m modestStream) refuse(needsGroups bool, block time.Duration, op string) error {
	if needsGroups && !m.has.Groups || block != 0 && !m.has.Blocking {
		return ports.Errorf(m.Name(), op, ports.ErrUnsupported, "not declared")
	}
	return nil
}

func (m modestStream) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	if err := m.refuse(false, o.Block, "read"); err != nil {
		return nil, err
	}
	return m.Stream.Read(ctx, o, after...)
}

func (m modestStream) CreateGroup(ctx context.Context, stream, group string, o ports.GroupOptions) error {
	if err := m.refuse(true, 0, "create group"); err != nil {
		return err
	}
	return m.Stream.CreateGroup(ctx, stream, group, o)
}

func (m modestStream) DeleteGroup(ctx context.Context, stream, group string) error {
	if err := m.refuse(true, 0, "delete group"); err != nil {
		return err
	}
	return m.Stream.DeleteGroup(ctx, stream, group)
}

func (m modestStream) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	if err := m.refuse(true, o.Block, "read group"); err != nil {
		return nil, err
	}
	return m.Stream.ReadGroup(ctx, group, consumer, o, streams...)
}

func (m modestStream) Ack(ctx context.Context, stream, group string, ids ...string) (int64, error) {
	if err := m.refuse(true, 0, "ack"); err != nil {
		return 0, err
	}
	return m.Stream.Ack(ctx, stream, group, ids...)
}

func (m modestStream) Pending(ctx context.Context, stream, group string, o ports.PendingOptions) ([]ports.PendingEntry, error) {
	if err := m.refuse(true, 0, "pending"); err != nil {
		return nil, err
	}
	return m.Stream.Pending(ctx, stream, group, o)
}

func (m modestStream) Claim(ctx context.Context, stream, group, consumer string, minIdle time.Duration, ids ...string) ([]ports.Entry, error) {
	if err := m.refuse(true, 0, "claim"); err != nil {
		return nil, err
	}
	return m.Stream.Claim(ctx, stream, group, consumer, minIdle, ids...)
}
