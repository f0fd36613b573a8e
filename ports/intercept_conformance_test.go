package ports_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

func passThrough(ctx context.Context, _ ports.Call, next func(context.Context) error) error {
	return next(ctx)
}

// testDecorator holds a decorated memory driver to the contract of the driver itself.
func testDecorator[D ports.Driver](t *testing.T, open func(*memory.Server) D,
	check func(context.Context, conformance.Harness[D]) conformance.Report, hit ...memory.Port) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := check(t.Context(), memoryharness.New(open, hit...))
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		for _, res := range r.Results {
			if res.Outcome != conformance.Pass {
				t.Errorf("%s: %s: %s; the driver itself passes", res.ID, res.Outcome, res.Detail)
			}
		}
		if len(r.Results) == 0 {
			t.Error("the suite has no case of this port")
		}
	})
}

func TestInterceptedKeyValueConformance(t *testing.T) {
	testDecorator(t, func(srv *memory.Server) ports.KeyValue {
		return ports.InterceptKeyValue(memory.NewKeyValue(srv), passThrough)
	}, conformance.CheckKeyValue, memory.PortKeyValue)
}

func TestInterceptedStreamConformance(t *testing.T) {
	testDecorator(t, func(srv *memory.Server) ports.Stream {
		return ports.InterceptStream(memory.NewStream(srv), passThrough)
	}, conformance.CheckStream, memory.PortStream)
}

func TestInterceptedBrokerConformance(t *testing.T) {
	testDecorator(t, func(srv *memory.Server) ports.Broker {
		return ports.InterceptBroker(memory.NewBroker(srv), passThrough)
	}, conformance.CheckBroker, memory.PortBroker, memory.PortEmergency)
}

func TestInterceptedOrchestratorConformance(t *testing.T) {
	testDecorator(t, func(srv *memory.Server) ports.Orchestrator {
		return ports.InterceptOrchestrator(memory.NewOrchestrator(srv), passThrough)
	}, conformance.CheckOrchestrator, memory.PortOrchestrator)
}

func TestInterceptedMonitorConformance(t *testing.T) {
	testDecorator(t, func(srv *memory.Server) ports.Monitor {
		return ports.InterceptMonitor(memory.NewMonitor(srv), passThrough)
	}, conformance.CheckMonitor, memory.PortMonitor)
}
