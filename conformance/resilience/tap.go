package resilience

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// tap sees what is on a topic of the primary, as the driver gives it.
type tap struct {
	e   *env
	sub ports.Subscription
}

func (e *env) tap(ctx context.Context, topic string) *tap {
	sub, err := e.pair.Primary.Subscribe(ctx, ports.SubscribeOptions{Topic: topic, Group: "tap", Strategy: ports.Failover})
	e.noError(err, "subscribe to "+topic)
	return &tap{e, sub}
}

// next is the next message; the case fails when there is none within bound and slack.
func (t *tap) next(ctx context.Context, bound time.Duration) *ports.Message {
	ctx, cancel := context.WithTimeout(ctx, bound+t.e.timing.Slack)
	defer cancel()
	d, err := t.sub.Receive(ctx)
	t.e.noError(err, "receive")
	t.e.noError(d.Ack(ctx), "ack")
	return d.Message()
}

// payloads of the next n messages.
func (t *tap) payloads(ctx context.Context, n int, bound time.Duration) (all []string) {
	for range n {
		all = append(all, string(t.next(ctx, bound).Payload))
	}
	return all
}

// nothing fails the case if a message comes while the timing's quiet passes.
func (t *tap) nothing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.e.timing.Quiet)
	defer cancel()
	if d, err := t.sub.Receive(ctx); err == nil {
		t.e.failf("message %q came; want none", d.Message().ID)
	}
}
