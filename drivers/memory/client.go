package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/breakwater-go/breakwater/ports"
)

// client is what the clients of all ports have in common: a server, the port that faults hit, and an end. Make it with
// newClient.
type client struct {
	srv  *Server
	port Port
	end  sync.Once
	// closed is for calls that wait; ended says the same to those that begin, at less cost.
	closed chan struct{}
	ended  atomic.Bool
}

func newClient(srv *Server, p Port) *client {
	return &client{srv: orNew(srv), port: p, closed: make(chan struct{})}
}

// Name is "memory".
func (c *client) Name() string { return driverName }

// As gives the [*Server] when target is a **Server.
func (c *client) As(target any) bool {
	srv, ok := target.(**Server)
	if !ok || srv == nil {
		return false
	}
	*srv = c.srv
	return true
}

// Close ends this client: calls that wait and all later ones return ports.ErrClosed. The server, its data and its other
// clients stay as they are.
func (c *client) Close(context.Context) error {
	c.end.Do(func() {
		c.ended.Store(true)
		close(c.closed)
	})
	return nil
}

// enter is what every call passes first: the client's end, the caller's context, the port's faults.
func (c *client) enter(ctx context.Context, op string) error {
	if err := c.alive(op); err != nil {
		return err
	}
	return c.srv.gate(ctx, c.port, op)
}

// alive is ErrClosed once the client is closed.
func (c *client) alive(op string) error {
	if c.ended.Load() {
		return closedError(op)
	}
	return nil
}

func closedError(op string) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrClosed}
}
