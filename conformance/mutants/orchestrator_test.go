package mutants_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func TestOrchestrator(t *testing.T) {
	open := func(srv *memory.Server) ports.Orchestrator { return memory.NewOrchestrator(srv) }
	mutants.Run(t, conformance.CheckOrchestrator, func() conformance.OrchestratorHarness {
		return memoryharness.New(open, memory.PortOrchestrator)
	}, mutants.Orchestrator())
}
