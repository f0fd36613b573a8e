package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// Client is the connections to Redis, shared by the ports made on it. It is safe for concurrent use.
type Client struct {
	naming
	log *slog.Logger
	// keys serves KeyValue, streams all else.
	keys, streams *link
	replicas      replicas
	// arch is "" for clients that were handed in.
	arch   Architecture
	closed atomic.Bool
	ending sync.Once
	// ended is closed once every connection and goroutine of a closed client has gone.
	ended chan struct{}
}

// Options of a client made by [New]. The zero value has every default.
type Options struct {
	// ServiceName is the first part of every key, without colon or brace. "" = safari_pro.
	ServiceName string
	// Slotting lays keys into a Cluster's slots. "" = [Distributed].
	Slotting Slotting
	// Streams serves streams, topics, lists and channels; nil = the client itself does.
	Streams rueidis.Client
	// Replicas answers reads marked by [StaleOK]; nil = the client itself does.
	Replicas rueidis.Client
	// SocketTimeout is how long the answer to a blocking read may be overdue. 0 = 500 ms.
	SocketTimeout time.Duration
	// Logger hears of what no call can report; nil = silent.
	Logger *slog.Logger
}

// New makes a Client on connections of the caller's, who closes them: [Client.Close] leaves them open. The caller should
// have set a short ConnWriteTimeout and Dialer.KeepAlive, which bound how long a call waits on a dead server.
func New(client rueidis.Client, o Options) (*Client, error) {
	d := DefaultConfig()
	if client == nil {
		return nil, invalid("new", "client is nil; valid is a rueidis.Client")
	}
	if o.ServiceName == "" {
		o.ServiceName = d.ServiceName
	}
	if o.Slotting == "" {
		o.Slotting = d.Slotting
	}
	if o.SocketTimeout == 0 {
		o.SocketTimeout = d.SocketTimeout
	}
	if err := validateService(o.ServiceName); err != nil {
		return nil, invalid("new", "ServiceName %w", err)
	}
	if err := o.Slotting.validate(); err != nil {
		return nil, err
	}
	if o.SocketTimeout < 0 {
		return nil, invalid("new", "SocketTimeout is %v; valid is above 0, or 0 for %v", o.SocketTimeout, d.SocketTimeout)
	}
	keys := newLink(client, nil, o.SocketTimeout)
	c := newClient(keys, naming{o.ServiceName, o.Slotting}, o.Logger)
	if o.Streams != nil {
		c.streams = newLink(o.Streams, nil, o.SocketTimeout)
	}
	if o.Replicas != nil {
		c.replicas.link = newLink(o.Replicas, nil, o.SocketTimeout)
	}
	return c, nil
}

func newClient(l *link, n naming, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{naming: n, log: log, keys: l, streams: l, ended: make(chan struct{})}
}

// As gives the [rueidis.Client] when target is a *rueidis.Client.
func (c *Client) As(target any) bool {
	into, ok := target.(*rueidis.Client)
	if !ok || into == nil {
		return false
	}
	*into = c.keys.Client
	return true
}

// Close ends all calls of the ports made on the client; they then return ports.ErrClosed. A client of [Open] closes its
// connections and waits, until ctx ends, for every goroutine; those handed to [New] stay open.
func (c *Client) Close(ctx context.Context) error {
	c.ending.Do(func() {
		c.closed.Store(true)
		go c.end()
	})
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ports.ContextError(ctx, driverName, "close")
	}
}

// end closes what the client owns and waits until it has gone.
func (c *Client) end() {
	defer close(c.ended)
	c.replicas.close()
	c.keys.end()
	if c.streams != c.keys {
		c.streams.end()
	}
}

// port is what the drivers of all ports have in common: a client, and an end of their own. Make it with newPort.
type port struct {
	*Client
	end    sync.Once
	closed chan struct{}
}

func newPort(c *Client) port { return port{Client: c, closed: make(chan struct{})} }

// Name is "redis".
func (p *port) Name() string { return driverName }

// As gives the [*Client] when target is a **Client, and the rueidis.Client when it is a *rueidis.Client.
func (p *port) As(target any) bool {
	if into, ok := target.(**Client); ok && into != nil {
		*into = p.Client
		return true
	}
	return p.Client.As(target)
}

// Close ends this port; the Client stays open.
func (p *port) Close(context.Context) error {
	p.end.Do(func() { close(p.closed) })
	return nil
}

// alive is ErrClosed once the port or its client is closed.
func (p *port) alive(op string) error {
	select {
	case <-p.closed:
		return closedError(op)
	default:
	}
	if p.Client.closed.Load() {
		return closedError(op)
	}
	return nil
}

// enter is what every call passes first: the port's end, the arguments (bad says what is wrong with them, or nil), the
// caller's context.
func (p *port) enter(ctx context.Context, op string, bad error) error {
	if err := p.alive(op); err != nil {
		return err
	}
	if bad != nil {
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrInvalid, Err: bad}
	}
	return ports.ContextError(ctx, driverName, op)
}

// failed is toError, and ErrClosed for what a closed client's connections return.
func (p *port) failed(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, rueidis.ErrClosing) {
		if closed := p.alive(op); closed != nil {
			return closed
		}
	}
	return toError(ctx, op, err)
}

func closedError(op string) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrClosed}
}
