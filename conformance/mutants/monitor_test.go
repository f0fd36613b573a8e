package mutants_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func TestMonitor(t *testing.T) {
	newHarness := func() conformance.MonitorHarness {
		return memoryharness.New(func(srv *memory.Server) ports.Monitor { return memory.NewMonitor(srv) }, memory.PortMonitor)
	}
	mutants.Run(t, conformance.CheckMonitor, newHarness, mutants.Monitor())
}
