package memory_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// Orders of one customer are handled one after the other; what fails is handed back and comes again.
func ExampleNewBroker() {
	ctx := context.Background()
	broker := memory.NewBroker(nil)
	defer broker.Close(ctx)

	sub, err := broker.Subscribe(ctx, ports.SubscribeOptions{Topic: "orders", Group: "billing", Strategy: ports.Sticky})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []string{"order-1", "order-2"} {
		m := &ports.Message{ID: id, Topic: "orders", Key: "customer-7", Payload: []byte(`{"amount":12}`)}
		if _, err := broker.Publish(ctx, m); err != nil {
			fmt.Println(err)
			return
		}
	}
	for range 3 {
		d, err := sub.Receive(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(d.Message().ID, "attempt", d.Attempt())
		if d.Message().ID == "order-1" && d.Attempt() == 1 {
			_ = d.Nack(ctx, 10*time.Millisecond) // order-2 waits for it
			continue
		}
		_ = d.Ack(ctx)
	}
	// Output:
	// order-1 attempt 1
	// order-1 attempt 2
	// order-2 attempt 1
}

// While the primary broker is down, messages wait in another broker's emergency store and are replayed in their order.
func ExampleBroker_Stranded() {
	ctx := context.Background()
	srv := memory.NewServer(memory.ServerOptions{})
	store := memory.NewBroker(srv)
	defer store.Close(ctx)

	for _, id := range []string{"booking-1", "booking-2"} {
		_ = store.Strand(ctx, &ports.Message{ID: id, Topic: "bookings"}, time.Now())
	}
	topics, _ := store.Topics(ctx)
	fmt.Println(topics)

	reader, err := store.Stranded(ctx, "bookings")
	if err != nil { // ErrConflict: another instance replays the topic
		fmt.Println(err)
		return
	}
	defer reader.Close(ctx)
	for {
		d, err := reader.Next(ctx)
		if errors.Is(err, ports.ErrNotFound) {
			break
		}
		fmt.Println("replay", d.Message().ID)
		_ = d.Ack(ctx) // once the primary has confirmed it
	}
	topics, _ = store.Topics(ctx)
	fmt.Println(topics)
	// Output:
	// [bookings]
	// replay booking-1
	// replay booking-2
	// []
}
