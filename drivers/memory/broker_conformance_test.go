package memory_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func TestBrokerConformance(t *testing.T) {
	t.Parallel()
	testConformance(t, func(s *memory.Server) ports.Broker { return memory.NewBroker(s) },
		conformance.RunBroker, conformance.CheckBroker, memory.PortBroker, memory.PortEmergency)
}
