package messaging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// Receipt says where a message is.
type Receipt struct {
	// ID of the message. It is set beside a backend's error too: who sends again after a failure sends WithID(ID), since the first
	// send may have happened.
	ID string
	// Stranded: the emergency store has it, and it will be replayed; else the primary broker has it.
	Stranded bool
}

// SendOption changes one send.
type SendOption func(*outgoing)

type outgoing struct {
	message  ports.Message
	declared sensitivity.Level
	err      error
}

// WithID sets the message's id instead of a new uuid. Sends of one id are repeats of one message.
func WithID(id string) SendOption {
	return func(o *outgoing) {
		if id == "" {
			o.fail("WithID: id is empty; valid is any UTF-8 text but the empty one")
		}
		o.message.ID = id
	}
}

// WithHeader sets a header; ErrInvalid for the reserved names id, key and breakwater-*.
func WithHeader(name, value string) SendOption {
	return func(o *outgoing) {
		if err := ports.ValidateHeader(name, value); err != nil {
			o.fail("WithHeader: %w", err)
		}
		if strings.HasPrefix(name, ports.HeaderPrefix) {
			o.fail("WithHeader: name %q is reserved; valid is one that does not begin with %q", name, ports.HeaderPrefix)
		}
		o.header(name, value)
	}
}

// WithDeliverAt holds the message back until then, where the receiver's strategy declares Delay.
func WithDeliverAt(at time.Time) SendOption {
	return func(o *outgoing) { o.message.DeliverAt = at }
}

// WithSensitivity raises the payload's sensitivity; it never lowers what the names of its fields say. A critical message
// is never put into the emergency store: its send fails while the primary is down.
func WithSensitivity(level sensitivity.Level) SendOption {
	return func(o *outgoing) { o.declared = max(o.declared, level) }
}

// WithEvent names what happened ("create"); without it the wire says "update".
func WithEvent(event string) SendOption {
	return func(o *outgoing) { o.header(ports.HeaderEvent, event) }
}

// WithTenant names the tenant that the message belongs to.
func WithTenant(tenant string) SendOption {
	return func(o *outgoing) { o.header(ports.HeaderTenant, tenant) }
}

func (o *outgoing) header(name, value string) {
	if o.message.Headers == nil {
		o.message.Headers = map[string]string{}
	}
	o.message.Headers[name] = value
}

// fail keeps the first error.
func (o *outgoing) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf(format, args...)
	}
}

// SmartSend sends payload to topic and returns nil once a backend has it: the primary broker or, while that is down, the
// emergency store (Receipt.Stranded), from where it is replayed. []byte and [json.RawMessage] go as they are, anything
// else as JSON.
//
// Messages of one key (no key counts as one) arrive in the order in which this Client's sends of it returned: while some
// of a key are stranded, later ones queue behind them. Two Clients that send one key are not ordered against each other.
//
// A try lasts Config.SendTimeout at most, within ctx. ErrUnavailable: no backend has it. ErrTimeout: it may have been
// sent; repeat it only WithID(Receipt.ID). With both backends down the one error holds both causes. RS-001
// to RS-020.
func (c *Client) SmartSend(ctx context.Context, topic string, payload any, key string, options ...SendOption) (Receipt, error) {
	o, err := newOutgoing("send ", topic, payload, key, options)
	if err != nil {
		return Receipt{}, err
	}
	return c.send(ctx, &o.message, o.declared)
}

// newOutgoing makes the message of a send; verb begins its errors' Op.
func newOutgoing(verb, topic string, payload any, key string, options []SendOption) (*outgoing, error) {
	o := &outgoing{message: ports.Message{Topic: topic, Key: key}}
	for _, option := range options {
		option(o)
	}
	if o.err != nil {
		return nil, &ports.Error{Op: verb + topic, Driver: driverName, Kind: ports.ErrInvalid, Err: o.err}
	}
	body, err := encode(payload)
	if err != nil {
		// The encoder's own text may quote the payload.
		return nil, invalid(verb+topic, "payload of type %T has no JSON form; valid is what encoding/json takes", payload)
	}
	o.message.Payload = body
	return o, nil
}

// send is what every message passes that this client makes.
func (c *Client) send(ctx context.Context, m *ports.Message, declared sensitivity.Level) (Receipt, error) {
	if err := c.running("send"); err != nil {
		return Receipt{}, err
	}
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	stranded, err := c.sender.Send(ctx, m, declared)
	return Receipt{ID: m.ID, Stranded: stranded && err == nil}, err
}

// encode makes JSON without HTML escaping.
func encode(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case []byte:
		return p, nil
	case json.RawMessage:
		return p, nil
	}
	body, err := json.Marshal(payload)
	if err != nil || !bytes.Contains(body, []byte(`\u00`)) {
		return body, err // the usual case costs one allocation
	}
	return wire.Marshal(payload)
}
