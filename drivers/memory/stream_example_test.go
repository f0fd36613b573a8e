package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// A reader follows a stream from a place that it remembers itself.
func ExampleStream() {
	ctx := context.Background()
	var bookings ports.Stream = memory.NewStream(nil)
	for _, tour := range []string{"Serengeti", "Ngorongoro"} {
		fields := []ports.Field{{Name: "event", Value: []byte("booked")}, {Name: "tour", Value: []byte(tour)}}
		if _, err := bookings.Append(ctx, "bookings", fields, ports.AppendOptions{}); err != nil {
			fmt.Println(err)
			return
		}
	}
	place := ports.Offset{Stream: "bookings", ID: ports.StreamStart}
	entries, err := bookings.Read(ctx, ports.ReadOptions{Count: 10}, place)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entries {
		fmt.Printf("%s %s\n", e.Fields[0].Value, e.Fields[1].Value)
		place.ID = e.ID // the next read goes on from here
	}
	// Output:
	// booked Serengeti
	// booked Ngorongoro
}

// The consumers of a group share its entries; what one of them leaves behind another takes over.
func ExampleStream_ReadGroup() {
	ctx := context.Background()
	stream := memory.NewStream(nil)
	exampleMust(stream.CreateGroup(ctx, "bookings", "billing", ports.GroupOptions{MakeStream: true}))
	for _, tour := range []string{"Serengeti", "Ngorongoro"} {
		_, err := stream.Append(ctx, "bookings", []ports.Field{{Name: "tour", Value: []byte(tour)}}, ports.AppendOptions{})
		exampleMust(err)
	}

	one := ports.ReadOptions{Count: 1, Block: -1} // waits until there is something, or ctx ends
	first, err := stream.ReadGroup(ctx, "billing", "worker-1", one, "bookings")
	exampleMust(err)
	second, err := stream.ReadGroup(ctx, "billing", "worker-2", one, "bookings")
	exampleMust(err)
	fmt.Printf("worker-1: %s, worker-2: %s\n", first[0].Fields[0].Value, second[0].Fields[0].Value)
	_, err = stream.Ack(ctx, "bookings", "billing", second[0].ID)
	exampleMust(err)

	// worker-1 crashed: its entry is still pending.
	pending, err := stream.Pending(ctx, "bookings", "billing", ports.PendingOptions{})
	exampleMust(err)
	taken, err := stream.Claim(ctx, "bookings", "billing", "worker-2", 0, pending[0].ID)
	exampleMust(err)
	fmt.Printf("worker-2 takes over from %s: %s\n", pending[0].Consumer, taken[0].Fields[0].Value)

	_, err = stream.ReadGroup(ctx, "shipping", "worker-1", one, "bookings")
	fmt.Println(errors.Is(err, ports.ErrNotFound), err)
	// Output:
	// worker-1: Serengeti, worker-2: Ngorongoro
	// worker-2 takes over from worker-1: Serengeti
	// true memory read group: not found: group "shipping" of stream "bookings"
}

func exampleMust(err error) {
	if err != nil {
		panic(err)
	}
}
