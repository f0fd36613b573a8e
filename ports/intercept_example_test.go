package ports_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// callCounts counts calls by port and operation, and how long they took.
type callCounts struct {
	mu    sync.Mutex
	calls map[string]int
	took  map[string]time.Duration
}

func (c *callCounts) intercept(ctx context.Context, call ports.Call, next func(context.Context) error) error {
	begin := time.Now()
	err := next(ctx)
	name := call.Port + "/" + call.Op
	if err != nil {
		name += "/" + ports.KindOf(err).Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[name]++
	c.took[name] += time.Since(begin)
	return err
}

// One interceptor may stand around several ports.
func ExampleInterceptor() {
	ctx := context.Background()
	counts := &callCounts{calls: map[string]int{}, took: map[string]time.Duration{}}
	srv := memory.NewServer(memory.ServerOptions{})
	kv := ports.InterceptKeyValue(memory.NewKeyValue(srv), counts.intercept)
	broker := ports.InterceptBroker(memory.NewBroker(srv), counts.intercept)

	_ = kv.Set(ctx, "booking:8848", []byte("confirmed"), ports.SetOptions{})
	_, _ = kv.Get(ctx, "booking:8848")
	_, _ = kv.Get(ctx, "booking:8849")
	for range 3 {
		_, _ = broker.Publish(ctx, &ports.Message{Topic: "bookings", Payload: []byte(`{}`)})
	}
	fmt.Println(counts.calls)
	// Output: map[broker/publish:3 keyvalue/get:1 keyvalue/get/not found:1 keyvalue/set:1]
}
