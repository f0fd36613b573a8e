package ports_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// Any driver stands behind the interface; memory needs no backend.
func ExampleKeyValue() {
	ctx := context.Background()
	var kv ports.KeyValue = memory.NewKeyValue(nil)
	defer func() { _ = kv.Close(ctx) }()

	if err := kv.Set(ctx, "booking:8848", []byte("confirmed"), ports.SetOptions{TTL: time.Hour}); err != nil {
		fmt.Println(err)
		return
	}
	value, err := kv.Get(ctx, "booking:8848")
	fmt.Printf("%s %v\n", value, err)

	err = kv.Set(ctx, "booking:8848", []byte("again"), ports.SetOptions{IfAbsent: true})
	fmt.Println(errors.Is(err, ports.ErrAlreadyExists))

	_, err = kv.Get(ctx, "booking:0")
	fmt.Println(err)
	// Output:
	// confirmed <nil>
	// true
	// memory get: not found: key "booking:0"
}

// Two keys of one hotel change together or not at all.
func ExampleKeyValue_pipeline() {
	ctx := context.Background()
	var kv ports.KeyValue = memory.NewKeyValue(nil)
	defer func() { _ = kv.Close(ctx) }()

	const shard = "hotel:987"
	free, guests := ports.ShardKey(shard, "free"), ports.ShardKey(shard, "guests")
	replies, err := kv.Pipeline(ctx, ports.PipelineOptions{Shard: shard},
		ports.OpIncr(free, 11),
		ports.OpIncr(free, -1),
		ports.OpLPush(guests, 0, []byte("Ada")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("free:", replies[1].Int, "guests:", replies[2].Int)

	_, err = kv.Pipeline(ctx, ports.PipelineOptions{Shard: shard}, ports.OpIncr(free, -1), ports.OpIncr(guests, 1))
	left, _ := kv.Get(ctx, free)
	fmt.Println(errors.Is(err, ports.ErrWrongType), string(left))
	// Output:
	// free: 10 guests: 1
	// true 10
}
