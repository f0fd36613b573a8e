package memory_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

func openKeyValue(srv *memory.Server) ports.KeyValue { return memory.NewKeyValue(srv) }

func TestKeyValueConformance(t *testing.T) {
	testConformance(t, openKeyValue, conformance.RunKeyValue, conformance.CheckKeyValue, memory.PortKeyValue)
}
