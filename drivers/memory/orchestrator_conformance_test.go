package memory_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func TestOrchestratorConformance(t *testing.T) {
	testConformance(t, func(srv *memory.Server) ports.Orchestrator { return memory.NewOrchestrator(srv) },
		conformance.RunOrchestrator, conformance.CheckOrchestrator, memory.PortOrchestrator)
}
