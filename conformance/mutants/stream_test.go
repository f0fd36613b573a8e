package mutants_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func streamHarness() conformance.StreamHarness {
	return memoryharness.New(func(srv *memory.Server) ports.Stream { return memory.NewStream(srv) }, memory.PortStream)
}

func TestStream(t *testing.T) {
	mutants.Run(t, conformance.CheckStream, streamHarness, mutants.Stream())
}
