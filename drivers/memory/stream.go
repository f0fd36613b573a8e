package memory

import (
	"cmp"
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Stream is a ports.Stream on a [Server], with groups and blocking reads. Ids have Redis's form,
// "<unix milliseconds>-<number>"; MaxLen is exact. A waiting reader is woken by what it waits for, the one that has waited
// longest first.
type Stream struct{ *client }

var _ ports.Stream = (*Stream)(nil)

// NewStream makes a client of srv; nil = of a server of its own.
func NewStream(srv *Server) *Stream { return &Stream{newClient(srv, PortStream)} }

// StreamCapabilities are all there are.
func (c *Stream) StreamCapabilities() ports.StreamCapabilities {
	return ports.StreamCapabilities{Groups: true, Blocking: true}
}

// Append implements ports.Stream.
func (c *Stream) Append(ctx context.Context, stream string, fields []ports.Field, o ports.AppendOptions) (string, error) {
	const op = "append"
	if err := c.begin(ctx, op, ports.ValidateAppend(stream, fields, o)); err != nil {
		return "", err
	}
	fields = cloneFields(fields)
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	id := st.makeStream(stream).append(fields, o.MaxLen)
	st.serve(stream)
	return id.String(), nil
}

// Read implements ports.Stream.
func (c *Stream) Read(ctx context.Context, o ports.ReadOptions, after ...ports.Offset) ([]ports.Entry, error) {
	const op = "read"
	streams := make([]string, len(after))
	for i, a := range after {
		streams[i] = a.Stream
	}
	o, invalid := o.WithDefaults()
	if err := c.begin(ctx, op, cmp.Or(invalid, ports.ValidateReadStreams(streams...))); err != nil {
		return nil, err
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	from := make([]streamID, len(after))
	for i, a := range after {
		id, err := st.place(a.Stream, a.ID)
		if err != nil {
			return nil, invalidError(op, err)
		}
		from[i] = id
	}
	return c.readOrWait(ctx, op, o.Block, streams, func() ([]ports.Entry, error) {
		var all []ports.Entry
		for i, name := range streams {
			if s := st.streams[name]; s != nil {
				all = appendEntries(all, name, s.entries.after(from[i], o.Count))
			}
		}
		return all, nil
	})
}

// Len implements ports.Stream.
func (c *Stream) Len(ctx context.Context, stream string) (int64, error) {
	if err := c.begin(ctx, "len", ports.ValidateStreamNames("stream", stream)); err != nil {
		return 0, err
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	s := st.streams[stream]
	if s == nil {
		return 0, nil
	}
	return int64(s.entries.len()), nil
}

// Trim implements ports.Stream.
func (c *Stream) Trim(ctx context.Context, stream, minID string) (int64, error) {
	id, invalid := parseStreamID(minID)
	if err := c.begin(ctx, "trim", cmp.Or(ports.ValidateStreamNames("stream", stream), invalid)); err != nil {
		return 0, err
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	s := st.streams[stream]
	if s == nil {
		return 0, nil
	}
	return int64(s.removeBelow(id)), nil
}

// Delete implements ports.Stream.
func (c *Stream) Delete(ctx context.Context, stream string, ids ...string) (int64, error) {
	parsed, invalid := parseStreamIDs(ids)
	if err := c.begin(ctx, "delete", cmp.Or(ports.ValidateStreamNames("stream", stream), invalid)); err != nil {
		return 0, err
	}
	st := c.srv.streams
	st.mu.Lock()
	defer st.mu.Unlock()
	s := st.streams[stream]
	if s == nil {
		return 0, nil
	}
	var n int64
	for _, id := range parsed {
		if s.remove(id) {
			n++
		}
	}
	return n, nil
}

// begin is what every call passes first: bad arguments are found before the backend is asked.
func (c *Stream) begin(ctx context.Context, op string, invalid error) error {
	if invalid != nil {
		return invalidError(op, invalid)
	}
	return c.enter(ctx, op)
}

// readOrWait reads at once or waits as block says. It is called with the store locked and returns with it locked; it
// does not hold the lock while it waits.
func (c *Stream) readOrWait(ctx context.Context, op string, block time.Duration, streams []string, read streamRead) ([]ports.Entry, error) {
	if block == 0 {
		return read()
	}
	st := c.srv.streams
	w := st.wait(read, streams)
	st.mu.Unlock()
	err := c.await(ctx, op, block, w.done)
	st.mu.Lock()
	st.forget(w)
	select {
	case <-w.done: // what was handed out is returned, even when the wait ended in the same moment
		return w.entries, w.err
	default:
		return nil, err
	}
}

// await returns nil when done is closed or block is over, if that is above 0.
func (c *Stream) await(ctx context.Context, op string, block time.Duration, done <-chan struct{}) error {
	var over <-chan time.Time
	if block > 0 {
		t := time.NewTimer(block)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-done:
	case <-over:
	case <-ctx.Done():
		return ports.ContextError(ctx, driverName, op)
	case <-c.closed:
		return closedError(op)
	case <-c.srv.faults.broken(c.port):
		return unavailable(op)
	}
	return nil
}

// place is where a reader of text stands: the ends have names.
func (st *streamStore) place(stream, text string) (streamID, error) {
	switch text {
	case ports.StreamStart:
		return streamID{}, nil
	case ports.StreamEnd:
		if s := st.streams[stream]; s != nil {
			return s.last, nil
		}
		return streamID{}, nil
	}
	return parseStreamID(text)
}

func appendEntries(all []ports.Entry, stream string, items []logItem[[]ports.Field]) []ports.Entry {
	for _, it := range items {
		all = append(all, entryOf(stream, it))
	}
	return all
}

func invalidError(op string, err error) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrInvalid, Err: err}
}
