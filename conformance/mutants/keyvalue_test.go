package mutants_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func TestKeyValue(t *testing.T) {
	open := func(srv *memory.Server) ports.KeyValue { return memory.NewKeyValue(srv) }
	mutants.Run(t, conformance.CheckKeyValue, func() conformance.KeyValueHarness {
		return memoryharness.New(open, memory.PortKeyValue)
	}, mutants.KeyValue())
}
