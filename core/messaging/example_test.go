package messaging_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// Order is what the examples send.
type Order struct{ ID, Item string }

// start makes a client of the examples run.
func start(client *messaging.Client, err error) (stop func()) {
	if err != nil {
		panic(err)
	}
	if err := client.Start(context.Background()); err != nil {
		panic(err)
	}
	return func() {
		if err := client.Close(context.Background()); err != nil {
			panic(err)
		}
	}
}

// A handler and a send.
func Example() {
	ctx := context.Background()
	client, err := messaging.New(messaging.Config{Service: "shop", Primary: memory.NewBroker(nil)})
	if err != nil {
		panic(err)
	}
	handled := make(chan struct{})
	_, err = messaging.On(client, "orders", func(_ context.Context, o Order, m messaging.Meta) error {
		fmt.Println("shipping", o.Item, "to", m.Key)
		close(handled)
		return nil
	}, messaging.HandlerOptions{})
	if err != nil {
		panic(err)
	}
	defer start(client, err)()
	if _, err := client.SmartSend(ctx, "orders", Order{ID: "1", Item: "tent"}, "customer-7"); err != nil {
		panic(err)
	}
	<-handled
	// Output: shipping tent to customer-7
}

// While the broker is down, messages wait in the emergency store, and come home by themselves.
func ExampleClient_SmartSend() {
	ctx := context.Background()
	server := memory.NewServer(memory.ServerOptions{})
	client, err := messaging.New(messaging.Config{
		Service:  "shop",
		Primary:  memory.NewBroker(server),
		Fallback: memory.NewBroker(nil), // another backend
	})
	if err != nil {
		panic(err)
	}
	handled := make(chan struct{})
	_, err = messaging.On(client, "orders", func(_ context.Context, o Order, _ messaging.Meta) error {
		fmt.Println("shipping", o.Item)
		close(handled)
		return nil
	}, messaging.HandlerOptions{Strategy: ports.Sticky})
	defer start(client, err)()

	server.Faults().SetUnavailable(memory.PortBroker, true)
	receipt, err := client.SmartSend(ctx, "orders", Order{ID: "1", Item: "tent"}, "customer-7")
	fmt.Println("stranded:", receipt.Stranded, "error:", err)
	server.Faults().SetUnavailable(memory.PortBroker, false)
	<-handled
	// Output:
	// stranded: true error: <nil>
	// shipping tent
}

// What fails at every run goes to the dead-letter topic.
func ExampleParseDeadLetter() {
	ctx := context.Background()
	client, err := messaging.New(messaging.Config{Service: "shop", Primary: memory.NewBroker(nil)})
	if err != nil {
		panic(err)
	}
	_, err = messaging.On(client, "orders", func(context.Context, Order, messaging.Meta) error {
		return errors.New("out of stock")
	}, messaging.HandlerOptions{Attempts: 1})
	if err != nil {
		panic(err)
	}
	handled := make(chan struct{})
	_, err = messaging.On(client, "orders"+messaging.DeadLetterSuffix, func(_ context.Context, o Order, m messaging.Meta) error {
		dead, _ := messaging.ParseDeadLetter(m.Headers)
		fmt.Printf("%s of %s: %s after %d attempt: %s\n", o.Item, dead.Topic, dead.Reason, dead.Attempts, dead.Err)
		close(handled)
		return nil
	}, messaging.HandlerOptions{})
	defer start(client, err)()
	if _, err := client.SmartSend(ctx, "orders", Order{ID: "1", Item: "tent"}, ""); err != nil {
		panic(err)
	}
	<-handled
	// Output: tent of orders: attempts spent after 1 attempt: out of stock
}

// A message starts a durable process.
func ExampleOnEvent() {
	ctx := context.Background()
	orchestrator := memory.NewOrchestrator(nil)
	client, err := messaging.New(messaging.Config{Service: "shop", Primary: memory.NewBroker(nil), Orchestrator: orchestrator})
	if err != nil {
		panic(err)
	}
	shipped := make(chan struct{})
	ship := process.New("ship", func(_ *process.Context, o Order) (string, error) {
		defer close(shipped)
		return "shipped " + o.Item, nil
	}, process.Options{Queue: "shipping"})
	worker, err := orchestrator.NewWorker(ports.WorkerOptions{Queue: ship.Queue()})
	if err != nil {
		panic(err)
	}
	if err := errors.Join(ship.Register(worker), worker.Start(ctx)); err != nil {
		panic(err)
	}
	_, err = messaging.OnEvent(client, "orders", ship, messaging.EventOptions{})
	defer start(client, err)()

	if _, err := client.SmartSend(ctx, "orders", Order{ID: "1", Item: "tent"}, "", messaging.WithID("order-1")); err != nil {
		panic(err)
	}
	<-shipped
	result, err := process.Attach[string](orchestrator, "orders/order-1").Get(ctx)
	fmt.Println(result, err)
	if err := errors.Join(worker.Drain(ctx), orchestrator.Close(ctx)); err != nil {
		panic(err)
	}
	// Output: shipped tent <nil>
}
