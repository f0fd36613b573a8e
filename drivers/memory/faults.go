package memory

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Port names what a fault hits.
type Port uint8

// The ports of a Server; PortEmergency is the EmergencyStore beside the Broker.
const (
	PortKeyValue Port = iota + 1
	PortStream
	PortBroker
	PortEmergency
	PortOrchestrator
	PortMonitor
)

const portCount = int(PortMonitor) + 1

var portTexts = [portCount]string{"unknown", "keyvalue", "stream", "broker", "emergency", "orchestrator", "monitor"}

// String is the port's name in lower case ("keyvalue").
func (p Port) String() string {
	if int(p) >= portCount {
		return portTexts[0]
	}
	return portTexts[p]
}

// Faults makes a server's ports fail, so that applications can test what they do then. Switch it while the server runs;
// safe for concurrent use. The zero value is a healthy server.
type Faults struct {
	// set tells without the lock which ports have a fault, for the many calls of a healthy server.
	set   [portCount]atomic.Bool
	mu    sync.Mutex
	ports [portCount]portFaults
}

type portFaults struct {
	down    chan struct{} // non-nil while unavailable; closed = already told to those who wait
	latency time.Duration
	every   int
	calls   int
}

// SetUnavailable makes every call of the port fail with ErrUnavailable, those that wait included, until it is switched
// off. Leases go on running out meanwhile, as on a server that nobody reaches.
func (f *Faults) SetUnavailable(p Port, down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pf := &f.ports[p]
	switch {
	case down && !pf.isDown():
		if pf.down == nil {
			pf.down = make(chan struct{})
		}
		close(pf.down)
	case !down && pf.isDown():
		pf.down = nil
	}
	f.noteSet(p)
}

// SetLatency makes every call of the port wait first; 0 = none. A call's context ends the wait.
func (f *Faults) SetLatency(p Port, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ports[p].latency = d
	f.noteSet(p)
}

// FailEvery makes every n-th call of the port fail with ErrUnavailable and no effect; 0 = none.
func (f *Faults) FailEvery(p Port, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ports[p].every, f.ports[p].calls = n, 0
	f.noteSet(p)
}

func (f *Faults) noteSet(p Port) {
	pf := &f.ports[p]
	f.set[p].Store(pf.isDown() || pf.latency > 0 || pf.every > 0)
}

func (pf *portFaults) isDown() bool {
	select {
	case <-pf.down:
		return true // a nil channel never is
	default:
		return false
	}
}

// unavailable lists the ports that are switched off.
func (f *Faults) unavailable() []Port {
	f.mu.Lock()
	defer f.mu.Unlock()
	var down []Port
	for p := range f.ports {
		if f.ports[p].isDown() {
			down = append(down, Port(p))
		}
	}
	return down
}

// gate lets a call in, late or not at all.
func (f *Faults) gate(ctx context.Context, p Port, op string) error {
	if err := ports.ContextError(ctx, driverName, op); err != nil {
		return err
	}
	if !f.set[p].Load() {
		return nil
	}
	f.mu.Lock()
	pf := &f.ports[p]
	latency, down := pf.latency, pf.isDown()
	if pf.every > 0 {
		pf.calls++
		down = down || pf.calls%pf.every == 0
	}
	f.mu.Unlock()
	if latency > 0 {
		if err := wait(ctx, latency, op); err != nil {
			return err
		}
	}
	if down {
		return unavailable(op)
	}
	return nil
}

// broken is closed once the port becomes unavailable: what a call that waits must watch beside its context.
func (f *Faults) broken(p Port) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	pf := &f.ports[p]
	if pf.down == nil {
		pf.down = make(chan struct{})
	}
	return pf.down
}

func unavailable(op string) error {
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrUnavailable, Err: fmt.Errorf("switched off by memory.Faults")}
}

func wait(ctx context.Context, d time.Duration, op string) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ports.ContextError(ctx, driverName, op)
	}
}
