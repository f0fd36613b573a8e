package hanging_test

import (
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/conformance/mutants/hanging"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func TestBroker(t *testing.T) {
	t.Parallel()
	newHarness := func() conformance.BrokerHarness {
		h := memoryharness.New(func(srv *memory.Server) ports.Broker { return memory.NewBroker(srv) },
			memory.PortBroker, memory.PortEmergency)
		h.Timing.Quiet = 40 * time.Millisecond
		return h
	}
	mutants.RunOnRealClock(t, conformance.CheckBroker, newHarness, 8*time.Second, hanging.Broker())
}
