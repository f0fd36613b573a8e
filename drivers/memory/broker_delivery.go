package memory

import (
	"context"
	"errors"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// delivery is one handing-out of an item. The topic's mutex guards what is below message.
type delivery struct {
	sub     *subscription
	item    *item
	attempt int
	message ports.Message

	link     link[*delivery] // in sub.held while unsettled
	deadline time.Time
	lost     chan struct{} // made when asked for
	state    deliveryState
}

type deliveryState uint8

const (
	unsettled deliveryState = iota
	settled
	lost
)

var (
	errSettled   = errors.New("the delivery is settled already")
	errLeaseLost = errors.New("the lease was lost, and the message given back")
)

// Message implements [ports.Delivery].
func (d *delivery) Message() *ports.Message { return &d.message }

// Attempt implements [ports.Delivery]; it is exact.
func (d *delivery) Attempt() int { return d.attempt }

// Ack implements [ports.Delivery].
func (d *delivery) Ack(ctx context.Context) error {
	return d.settle(ctx, "ack", func(g *group) { g.done(d.item) })
}

// Nack implements [ports.Delivery].
func (d *delivery) Nack(ctx context.Context, delay time.Duration) error {
	const op = "nack"
	if !d.sub.leases() {
		return ports.Errorf(driverName, op, ports.ErrUnsupported, "broadcast delivers nothing again")
	}
	if delay < 0 {
		return ports.Errorf(driverName, op, ports.ErrInvalid, "delay is %v; valid is 0 or more", delay)
	}
	return d.settle(ctx, op, func(g *group) {
		if delay == 0 {
			g.offer(d.item)
			return
		}
		d.item.nackedBy = d.sub
		g.delay(d.item, time.Now().Add(delay))
	})
}

// settle ends the delivery by what then does with its item, and lets the subscription take the next.
func (d *delivery) settle(ctx context.Context, op string, then func(*group)) error {
	return d.whileHeld(ctx, op, func() {
		d.state = settled
		d.link.remove()
		then(d.sub.group)
		d.sub.serve()
	})
}

// Extend implements [ports.Delivery].
func (d *delivery) Extend(ctx context.Context) error {
	return d.whileHeld(ctx, "extend", func() { d.sub.hold(d) })
}

// whileHeld does something with a delivery that is unsettled; else ErrConflict.
func (d *delivery) whileHeld(ctx context.Context, op string, do func()) error {
	if err := d.sub.broker.srv.gate(ctx, PortBroker, op); err != nil {
		return err
	}
	t := d.sub.group.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	switch d.state {
	case settled:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrConflict, Err: errSettled}
	case lost:
		return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrConflict, Err: errLeaseLost}
	default:
		do()
		return nil
	}
}

// Lost implements [ports.Delivery].
func (d *delivery) Lost() <-chan struct{} {
	t := d.sub.group.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if d.lost == nil {
		d.lost = make(chan struct{})
		if d.state == lost {
			close(d.lost)
		}
	}
	return d.lost
}

// lose takes the item back.
func (d *delivery) lose() *item {
	d.state = lost
	d.link.remove()
	if d.lost != nil {
		close(d.lost)
	}
	return d.item
}
