package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// errDialAbandoned: the call that made a connection ended before the connection was ready. Calls that waited for the same
// connection get it too; nothing of theirs was sent.
var errDialAbandoned = errors.New("the call that made the connection has ended")

// dialer makes a client's connections and knows them.
type dialer struct {
	net     net.Dialer
	tls     *tls.Config
	mapping map[string]string
	// making counts connections on the way, up to the server's first answer: while there are some, rueidis may keep calls
	// waiting without an eye on their contexts.
	making atomic.Int64

	mu     sync.Mutex
	open   map[*conn]struct{}
	closed bool
	// empty is closed when the dialer is closed and its last connection gone.
	empty chan struct{}
}

func newDialer(c Config, secure *tls.Config) *dialer {
	d := &dialer{tls: secure, mapping: c.ClusterHostMapping, open: map[*conn]struct{}{}, empty: make(chan struct{})}
	d.net.Timeout = c.SocketConnectTimeout
	d.net.KeepAlive = c.SocketTimeout
	if !c.SocketKeepalive {
		d.net.KeepAlive = -1
	}
	return d
}

// dial is for rueidis. The connection is given up when ctx, the context of the call that needs it, ends before the server
// has answered once.
func (d *dialer) dial(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
	d.making.Add(1)
	raw, err := d.connect(ctx, d.mapped(addr))
	if err != nil {
		d.making.Add(-1)
		if ctx.Err() != nil {
			err = errDialAbandoned
		}
		return nil, err
	}
	c := &conn{Conn: raw, dialer: d}
	c.making.Store(true)
	c.release = context.AfterFunc(ctx, c.abandon)
	if !d.add(c) {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

func (d *dialer) connect(ctx context.Context, addr string) (net.Conn, error) {
	if d.tls == nil {
		return d.net.DialContext(ctx, "tcp", addr)
	}
	return (&tls.Dialer{NetDialer: &d.net, Config: d.tls}).DialContext(ctx, "tcp", addr)
}

// mapped is where an announced address is reached.
func (d *dialer) mapped(addr string) string {
	if to, ok := d.mapping[addr]; ok {
		return to
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		if to, ok := d.mapping[host]; ok {
			return to
		}
	}
	return addr
}

func (d *dialer) add(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.open[c] = struct{}{}
	}
	return !d.closed
}

func (d *dialer) remove(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, c)
	d.signal()
}

func (d *dialer) signal() {
	if d.closed && len(d.open) == 0 {
		select {
		case <-d.empty:
		default:
			close(d.empty)
		}
	}
}

// connections is how many are open.
func (d *dialer) connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// refuse lets no new connection come about.
func (d *dialer) refuse() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.signal()
}

// close ends every connection, and refuses new ones.
func (d *dialer) close() {
	d.refuse()
	d.mu.Lock()
	open := slices.Collect(maps.Keys(d.open))
	d.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// conn is a connection that its dialer knows.
type conn struct {
	net.Conn
	dialer *dialer
	// release ends the bond with the context that the connection was made under.
	release func() bool
	making  atomic.Bool
	gaveUp  atomic.Bool
	closed  atomic.Bool
}

// Read notes the server's first answer.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.gaveUp.Load() {
		return n, errDialAbandoned
	}
	if n > 0 && c.making.Load() {
		c.made()
	}
	return n, err
}

// Write tells a connection that was given up from a broken one.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && c.gaveUp.Load() {
		err = errDialAbandoned
	}
	return n, err
}

func (c *conn) made() {
	if c.making.CompareAndSwap(true, false) {
		c.release()
		c.dialer.making.Add(-1)
	}
}

// abandon is what the end of the first call's context does.
func (c *conn) abandon() {
	if c.making.Load() {
		c.gaveUp.Store(true)
		_ = c.Conn.Close()
	}
}

// Close closes the connection once.
func (c *conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	c.made()
	err := c.Conn.Close()
	c.dialer.remove(c)
	return err
}
