// Package messaging is the smart client: typed sends that survive an outage of the broker, and typed handlers with
// retries, timeouts and dead letters. It runs over any [ports.Broker]; this is a whole program:
//
//	package main
//
//	import (
//		"context"
//		"fmt"
//
//		"github.com/breakwater-go/breakwater/core/messaging"
//		"github.com/breakwater-go/breakwater/drivers/memory"
//	)
//
//	type Order struct{ ID, Item string }
//
//	func main() {
//		ctx := context.Background()
//		client, err := messaging.New(messaging.Config{Service: "shop", Primary: memory.NewBroker(nil)})
//		if err != nil {
//			panic(err)
//		}
//		handled := make(chan struct{})
//		if _, err := messaging.On(client, "orders", func(ctx context.Context, o Order, m messaging.Meta) error {
//			fmt.Println("shipping", o.Item)
//			close(handled)
//			return nil
//		}, messaging.HandlerOptions{}); err != nil {
//			panic(err)
//		}
//		if err := client.Start(ctx); err != nil {
//			panic(err)
//		}
//		defer client.Close(ctx)
//		if _, err := client.SmartSend(ctx, "orders", Order{ID: "1", Item: "tent"}, "customer-7"); err != nil {
//			panic(err)
//		}
//		<-handled
//	}
//
// # Sending
//
// [Client.SmartSend] returns nil once a backend has the message: the primary broker or, while that is down, the emergency
// store of Config.Fallback. What lies in the store is replayed by the client itself, in order and with the same id; see
// package resilience for the promises.
//
// # Handling
//
// [On] decodes messages and calls a function, [OnEvent] starts a durable process. A message is acknowledged only after
// success; what fails at every run, and what does not decode, goes to the dead-letter topic "<topic>-dlq" with the
// original's id, key, payload and headers, and with the headers HeaderDead…, which [ParseDeadLetter] reads:
//
//	breakwater-dead-reason    attempts spent, undecodable, panic, timeout, refused, or the application's own word
//	breakwater-dead-attempts  how often it was tried, in decimal
//	breakwater-dead-topic     the original topic
//	breakwater-dead-id        the original id
//	breakwater-dead-error     the last error's text, without the payload; absent when there was none
//	breakwater-dead-group     the group whose handler gave up; absent when the application did it by hand
//	breakwater-dead-at        when, RFC 3339 in UTC with milliseconds
//
// Delivery is at least once: a crash, a lost lease or a lost confirmation repeats a message, with the same id. Handlers
// that must not act twice check the id themselves; HandlerOptions.DropRepeats takes the load off.
package messaging
