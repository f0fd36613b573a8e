package mutants_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func TestBroker(t *testing.T) {
	newHarness := func() conformance.BrokerHarness {
		return memoryharness.New(func(srv *memory.Server) ports.Broker { return memory.NewBroker(srv) },
			memory.PortBroker, memory.PortEmergency)
	}
	mutants.Run(t, conformance.CheckBroker, newHarness, mutants.Broker())
}
