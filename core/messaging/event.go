package messaging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/ports"
)

// EventOptions of the zero value are the documented defaults.
type EventOptions struct {
	HandlerOptions
	// ID gives the process's id for a message; nil = "<topic>/<message id>". It must give a repeat the same id. Bytes that
	// are no printable ASCII, and "%", are percent-encoded, and an id beyond the orchestrators' 1000 bytes ends in its
	// hash, so that any text will do.
	ID func(m *ports.Message) string
}

// OnEvent starts p for every message of topic, with the payload as its input, on the process's own queue, and
// acknowledges the message once the start is confirmed. One id starts once within the namespace's retention, running or
// closed ([ports.ReuseNever]), however often the message comes; a repeat counts in Stats.Repeated.
//
// While the orchestrator is unavailable the message is tried again without end, with the handler's backoff: an outage
// is not the message's fault. What the orchestrator calls invalid goes to the dead letters at once; any other error counts as a failed run, as in [On]. RS-051, RS-052.
func OnEvent[In, Out any](c *Client, topic string, p *process.Process[In, Out], o EventOptions) (*Listener, error) {
	op := "on event " + topic
	switch {
	case p == nil:
		return nil, invalid(op, "process is nil; valid is one that process.New made")
	case c.c.Orchestrator == nil:
		return nil, invalid(op, "Config.Orchestrator is nil; valid is an orchestrator")
	}
	id := o.ID
	if id == nil {
		id = func(m *ports.Message) string { return m.Topic + "/" + m.ID }
	}
	return c.listen(topic, o.HandlerOptions, func(m *ports.Message) (runFunc, error) {
		in, err := decode[In](m.Payload)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, meta Meta) error {
			tctx, cancel := context.WithTimeout(ctx, c.c.SendTimeout)
			defer cancel()
			run, err := process.Start(tctx, c.c.Orchestrator, p, in,
				process.StartOptions{ID: processID(id(m)), Reuse: ports.ReuseNever, Headers: traceHeaders(meta.Headers)})
			switch {
			case err == nil && run.Existing():
				c.repeated.Add(1)
			case isOutage(err) && ctx.Err() == nil:
				return &postponedError{err}
			case errors.Is(err, ports.ErrInvalid):
				return process.NonRetryable(err)
			}
			return err
		}, nil
	})
}

// maxProcessID is the longest id that every orchestrator takes (OR-012).
const maxProcessID = 1000

// processID makes any text an id that every orchestrator takes. Different texts have different ids.
func processID(text string) string {
	id := printable(text)
	if len(id) <= maxProcessID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	hash := hex.EncodeToString(sum[:])
	return id[:maxProcessID-len(hash)-1] + "~" + hash
}

// printable percent-encodes what an orchestrator's ids cannot hold.
func printable(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// traceHeaders are what a process takes over from the message that starts it.
func traceHeaders(headers map[string]string) map[string]string {
	var trace map[string]string
	for _, name := range [...]string{ports.HeaderTraceParent, ports.HeaderTraceState} {
		if value, ok := headers[name]; ok {
			if trace == nil {
				trace = map[string]string{}
			}
			trace[name] = value
		}
	}
	return trace
}
