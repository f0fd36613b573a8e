package memory_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func TestMonitorConformance(t *testing.T) {
	open := func(srv *memory.Server) ports.Monitor { return memory.NewMonitor(srv) }
	testConformance(t, open, conformance.RunMonitor, conformance.CheckMonitor, memory.PortMonitor)
}
