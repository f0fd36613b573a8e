package memory_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func TestStreamConformance(t *testing.T) {
	open := func(srv *memory.Server) ports.Stream { return memory.NewStream(srv) }
	testConformance(t, open, conformance.RunStream, conformance.CheckStream, memory.PortStream)
}
