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

func TestStream(t *testing.T) {
	newHarness := func() conformance.StreamHarness {
		return memoryharness.New(func(srv *memory.Server) ports.Stream { return memory.NewStream(srv) }, memory.PortStream)
	}
	mutants.RunOnRealClock(t, conformance.CheckStream, newHarness, 4*time.Second, hanging.Stream())
}
