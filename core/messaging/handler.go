package messaging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// Defaults of [HandlerOptions].
const (
	DefaultAttempts    = 3
	DefaultBackoff     = time.Second
	DefaultTimeout     = 30 * time.Second
	DefaultConcurrency = 16
	// MaxBackoff is where doubling ends.
	MaxBackoff = time.Minute
)

// HandlerOptions of the zero value are the documented defaults.
type HandlerOptions struct {
	// Strategy; 0 = load_balanced.
	Strategy ports.Strategy
	// Group shares the work among its members; "" = Config.Service. Broadcast has none.
	Group string
	// Attempts counts all runs; 0 = DefaultAttempts: the first and two retries. After the last failure the message goes to
	// the dead-letter topic. Under load_balanced they are the deliveries that the broker counts; where it counts only a
	// lower bound, and for a message that another consumer began, there may be more runs, never fewer.
	Attempts int
	// Backoff is the wait before the second run; it doubles up to MaxBackoff (or stays, if it is longer). 0 = DefaultBackoff.
	Backoff time.Duration
	// Timeout of one run: its context is then cancelled and the run has failed, whatever it returns later. 0 =
	// DefaultTimeout. A handler that ignores its context may overlap with its own retry.
	Timeout time.Duration
	// Concurrency is how many messages are handled at once; 0 = DefaultConcurrency, and 1 for broadcast, which so keeps the
	// order of receipt. Ordered strategies never handle two messages of a key at once.
	Concurrency int
	// DropRepeats remembers the ids of handled messages in Config.KeyValue for this long, and drops what comes again; 0 =
	// off. Ids are recorded after the handler's success: a crash between the two repeats, and so do two deliveries at the
	// same moment. It is a filter, not a guarantee.
	DropRepeats time.Duration
	// FromStart: a group that does not exist yet begins at the oldest kept message instead of now.
	FromStart bool
	// Prefetch and Lease are the subscription's; 0 = the ports package's defaults. The lease is extended while a handler
	// runs, so that it bounds how long a crash delays a message, not how long a handler may take.
	Prefetch int
	Lease    time.Duration
}

// Meta comes with each message.
type Meta struct {
	ID, Topic, Key string
	Headers        map[string]string
	// Attempt is the number of this run, from 1.
	Attempt     int
	PublishedAt time.Time
}

// On calls h with every message of topic, decoded from JSON into T; a T of []byte or [json.RawMessage] gets the payload
// as it is. Before Start it registers the handler; after Start it returns once the subscription is live, or with the
// error of its one try to subscribe.
//
// A message is acknowledged after h returned nil. A run that returns an error, panics or outlives its timeout has failed;
// it is repeated as o.Attempts and o.Backoff say, in place under the ordered strategies (the key waits) and by handing
// the message back under load_balanced (others go on). Then the message goes to the dead-letter topic, as one that does
// not decode, or whose error [process.NonRetryable] marked, does at once. If that fails it stays unacknowledged and comes again. RS-031 to
// RS-049.
func On[T any](c *Client, topic string, h func(ctx context.Context, payload T, m Meta) error, o HandlerOptions) (*Listener, error) {
	if h == nil {
		return nil, invalid("on "+topic, "handler is nil; valid is a function")
	}
	return c.listen(topic, o, func(m *ports.Message) (runFunc, error) {
		payload, err := decode[T](m.Payload)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, meta Meta) error { return h(ctx, payload, meta) }, nil
	})
}

// prepareFunc decodes a message; its error means that no run can succeed.
type prepareFunc func(m *ports.Message) (runFunc, error)

// runFunc is one run of a handler.
type runFunc func(ctx context.Context, meta Meta) error

// decode keeps numbers exact where T leaves their type open. Its errors name fields and types, never values.
func decode[T any](payload []byte) (v T, err error) {
	switch p := any(&v).(type) {
	case *[]byte:
		*p = bytes.Clone(payload)
		return v, nil
	case *json.RawMessage:
		*p = bytes.Clone(payload)
		return v, nil
	}
	if err := wire.Unmarshal(payload, &v); err != nil {
		return v, fmt.Errorf("payload does not decode into %T: %w", v, err)
	}
	return v, nil
}

// withDefaults checks the options and fills in the documented defaults.
func (o HandlerOptions) withDefaults(topic string, c *Client) (HandlerOptions, error) {
	op := "on " + topic
	if o.Strategy == 0 {
		o.Strategy = ports.LoadBalanced
	}
	if o.Group == "" {
		o.Group = c.c.Service
	}
	for _, f := range []struct {
		name     string
		negative bool
		value    any
		standard any
	}{
		{"Attempts", o.Attempts < 0, o.Attempts, DefaultAttempts},
		{"Backoff", o.Backoff < 0, o.Backoff, DefaultBackoff},
		{"Timeout", o.Timeout < 0, o.Timeout, DefaultTimeout},
		{"Concurrency", o.Concurrency < 0, o.Concurrency, DefaultConcurrency},
		{"DropRepeats", o.DropRepeats < 0, o.DropRepeats, "none"},
	} {
		if f.negative {
			return o, invalid(op, "%s is %v; valid is above 0, or 0 for %v", f.name, f.value, f.standard)
		}
	}
	switch {
	case o.Group == "" && o.Strategy != ports.Broadcast:
		return o, invalid(op, "Group is empty and so is Config.Service; valid is any UTF-8 text in one of them")
	case o.DropRepeats > 0 && o.Strategy == ports.Broadcast:
		return o, invalid(op, "DropRepeats is %v with broadcast; valid is 0, since its subscribers would drop each other's messages", o.DropRepeats)
	case o.DropRepeats > 0 && c.c.KeyValue == nil:
		return o, invalid(op, "DropRepeats is %v and Config.KeyValue is nil; valid is a store to remember ids in", o.DropRepeats)
	case o.DropRepeats > 0 && !c.c.KeyValue.KeyValueCapabilities().TTL:
		return o, ports.Errorf(driverName, op, ports.ErrUnsupported, "DropRepeats needs the capability TTL, which %s does not declare", c.c.KeyValue.Name())
	}
	o.Attempts = orDefault(o.Attempts, DefaultAttempts)
	o.Backoff = orDefault(o.Backoff, DefaultBackoff)
	o.Timeout = orDefault(o.Timeout, DefaultTimeout)
	if o.Strategy == ports.Broadcast {
		o.Concurrency = orDefault(o.Concurrency, 1)
	}
	o.Concurrency = orDefault(o.Concurrency, DefaultConcurrency)
	if o.Prefetch == 0 {
		o.Prefetch = max(ports.DefaultPrefetch, o.Concurrency)
	}
	return o, nil
}

func (o HandlerOptions) subscribeOptions(topic string) ports.SubscribeOptions {
	return ports.SubscribeOptions{Topic: topic, Group: o.Group, Strategy: o.Strategy, FromStart: o.FromStart,
		Prefetch: o.Prefetch, Lease: o.Lease}
}

// backoff before the run after the attempt-th.
func (o HandlerOptions) backoff(attempt int) time.Duration {
	d := o.Backoff
	for ; attempt > 1 && d < MaxBackoff; attempt-- {
		d *= 2
	}
	return max(o.Backoff, min(d, MaxBackoff))
}

func orDefault[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}
