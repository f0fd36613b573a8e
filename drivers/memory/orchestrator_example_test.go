package memory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// A process reserves a room in a step that may be tried three times. Applications use package process instead, which
// gives the same with types.
func ExampleOrchestrator() {
	ctx := context.Background()
	o := memory.NewOrchestrator(nil)
	defer func() {
		if err := o.Close(ctx); err != nil {
			fmt.Println(err)
		}
	}()

	w, err := o.NewWorker(ports.WorkerOptions{Queue: "bookings"})
	if err != nil {
		fmt.Println(err)
		return
	}
	book := func(c ports.ProcessContext, tour json.RawMessage) (json.RawMessage, error) {
		return c.Step(ports.StepCall{Name: "reserve", Input: tour, Attempts: 3, Backoff: time.Millisecond}).Get(c)
	}
	reserve := func(c ports.StepContext, tour json.RawMessage) (json.RawMessage, error) {
		if c.Info().Attempt == 1 {
			return nil, fmt.Errorf("the hotel does not answer")
		}
		return json.Marshal(fmt.Sprintf("room for %s at attempt %d", tour, c.Info().Attempt))
	}
	for _, err := range []error{w.RegisterProcess("book", book), w.RegisterStep("reserve", reserve), w.Start(ctx)} {
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	run, err := o.Start(ctx, ports.StartRequest{Process: "book", ID: "booking-4711", Queue: "bookings", Input: json.RawMessage("8848")})
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := o.Result(ctx, run)
	fmt.Println(string(out), err)
	// Output: "room for 8848 at attempt 2" <nil>
}
