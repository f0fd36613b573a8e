package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// faultSpread is how long the sends take when there is a fault to meet.
const faultSpread = 5 * time.Second

// Fault makes the primary memory broker unavailable for a while. It is a [flag.Value]: "broker=2s@1s" is from second 1 on
// for 2 s.
type Fault struct {
	For, At time.Duration
}

// String is the flag's text, empty for no fault.
func (f *Fault) String() string {
	if f.For == 0 {
		return ""
	}
	return fmt.Sprintf("broker=%v@%v", f.For, f.At)
}

// Set parses the flag's text.
func (f *Fault) Set(text string) error {
	port, times, _ := strings.Cut(text, "=")
	long, at, ok := strings.Cut(times, "@")
	var err1, err2 error
	f.For, err1 = time.ParseDuration(long)
	f.At, err2 = time.ParseDuration(at)
	if port != "broker" || !ok || err1 != nil || err2 != nil || f.For <= 0 || f.At < 0 {
		return fmt.Errorf("fault is %q; valid is broker=<how long>@<from when>, as in broker=2s@1s", text)
	}
	return nil
}

// faultOf finds the switch behind a broker; only the memory driver has one.
func faultOf(b ports.Broker) (*memory.Faults, error) {
	var srv *memory.Server
	if !b.As(&srv) {
		return nil, fmt.Errorf("-fault needs the memory broker; the broker is %s", b.Name())
	}
	return srv.Faults(), nil
}

// inject switches the broker off and on again; it returns with the broker on.
func (f *Fault) inject(ctx context.Context, faults *memory.Faults) {
	start := time.Now()
	if !waitUntil(ctx, start.Add(f.At)) {
		return
	}
	faults.SetUnavailable(memory.PortBroker, true)
	defer faults.SetUnavailable(memory.PortBroker, false)
	waitUntil(ctx, start.Add(f.At+f.For))
}
