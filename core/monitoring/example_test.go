package monitoring_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/drivers/memory"
)

func Example() {
	ctx := context.Background()
	primary, fallback := memory.NewServer(memory.ServerOptions{}), memory.NewServer(memory.ServerOptions{})
	group, err := monitoring.New(monitoring.Config{Backends: []monitoring.Backend{
		{Name: "broker", Monitor: memory.NewMonitor(primary)},
		{Name: "fallback", Monitor: memory.NewMonitor(fallback), Optional: true},
	}, Repeat: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer group.Close(ctx)
	pages := group.Handler() // http.ListenAndServe(":9090", pages)

	probe := func() {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		fmt.Print(w.Code, " ", w.Body)
	}
	fallback.Faults().SetUnavailable(memory.PortBroker, true)
	probe()
	primary.Faults().SetUnavailable(memory.PortBroker, true)
	probe()
	// Output:
	// 200 ready
	// 503 not ready
	// broker: switched off by memory.Faults: broker
}
