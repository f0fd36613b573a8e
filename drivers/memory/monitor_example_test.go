package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// Health is an answer also when the backend is down. Give each probe a deadline.
func ExampleMonitor() {
	srv := memory.NewServer(memory.ServerOptions{})
	var monitor ports.Monitor = memory.NewMonitor(srv)
	probe := func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		h := monitor.Health(ctx)
		fmt.Printf("%s healthy=%v reason=%q\n", h.Technology, h.Healthy, h.Details.Reason)
	}
	probe()
	srv.Faults().SetUnavailable(memory.PortBroker, true)
	probe()

	stats, err := monitor.Stats(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stats.Metrics[0].Name, stats.Metrics[0].Value, stats.Summary["messages"])
	// Output:
	// memory healthy=true reason=""
	// memory healthy=false reason="switched off by memory.Faults: broker"
	// memory_keyvalue_keys 0 0
}
