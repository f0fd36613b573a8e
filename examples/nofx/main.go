// Nofx is a service on Breakwater without a dependency injection framework: plain constructors, in the order in which one
// needs the other, and closed in the opposite order. A message starts a durable process, whose step prices a tour; the
// price goes to the cache and out as a message.
//
//	go run ./examples/nofx serengeti okavango
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/breakwater-go/breakwater/core/cache"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/drivers/memory"
)

const service = "pricing"

// Quote is what a tour costs.
type Quote struct {
	Tour  string `json:"tour"`
	Cents int64  `json:"cents"`
}

// Service is the application, whole.
type Service struct {
	client  *messaging.Client
	cache   *cache.Cache
	workers *process.Workers
	closers []func(context.Context) error // in the order of opening

	// Quotes are the prices that came back.
	Quotes chan Quote
}

// NewService builds everything on a server in memory; with another driver only this function changes.
func NewService() (*Service, error) {
	s := &Service{Quotes: make(chan Quote, 16)}

	// The drivers. The emergency store lives on a server of its own, so that it does not fail with the broker.
	server := memory.NewServer(memory.ServerOptions{})
	keyValue := memory.NewKeyValue(server)
	orchestrator := memory.NewOrchestrator(server)
	broker := memory.NewBroker(server)
	fallback := memory.NewBroker(nil)
	s.closers = append(s.closers, keyValue.Close, orchestrator.Close, broker.Close, fallback.Close)

	// Core on them.
	var err error
	if s.cache, err = cache.New(cache.Config{Service: service, KeyValue: keyValue}); err != nil {
		return nil, err
	}
	if s.client, err = messaging.New(messaging.Config{Service: service, Primary: broker, Fallback: fallback, Orchestrator: orchestrator}); err != nil {
		return nil, err
	}
	pricing := s.definePricing()
	if s.workers, err = process.NewWorkers(process.WorkersConfig{Orchestrator: orchestrator, Definitions: pricing.all()}); err != nil {
		return nil, err
	}
	// The workers drain before the client closes: their steps send.
	s.closers = append(s.closers, s.client.Close, s.workers.Drain)

	// The application on core.
	if _, err = messaging.OnEvent(s.client, "tours", pricing.process, messaging.EventOptions{}); err != nil {
		return nil, err
	}
	_, err = messaging.On(s.client, "quotes", s.received, messaging.HandlerOptions{})
	return s, err
}

// pricing is the process and its step.
type pricing struct {
	process *process.Process[string, Quote]
	price   *process.Step[string, Quote]
}

func (p pricing) all() []process.Definition { return []process.Definition{p.process, p.price} }

func (s *Service) definePricing() pricing {
	price := process.NewStep("price_tour", func(ctx context.Context, tour string) (Quote, error) {
		q := Quote{Tour: tour, Cents: int64(len(tour)) * 10_000}
		if err := cache.Set(ctx, s.cache, "quote:"+tour, q, cache.WriteOptions{TTL: time.Hour}); err != nil {
			return q, err
		}
		_, err := s.client.SmartSend(ctx, "quotes", q, tour, messaging.WithID("quote/"+tour))
		return q, err
	}, process.StepOptions[string, Quote]{Attempts: 3})
	return pricing{price: price, process: process.New("pricing", func(c *process.Context, tour string) (Quote, error) {
		return process.Execute(c, price, tour)
	}, process.Options{})}
}

func (s *Service) received(ctx context.Context, q Quote, _ messaging.Meta) error {
	select {
	case s.Quotes <- q:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Start makes the handlers live and the workers work.
func (s *Service) Start(ctx context.Context) error {
	if err := s.client.Start(ctx); err != nil {
		return err
	}
	return s.workers.Start(ctx)
}

// Ask sends a tour to be priced; asking again for the same tour is the same question.
func (s *Service) Ask(ctx context.Context, tour string) error {
	_, err := s.client.SmartSend(ctx, "tours", tour, tour, messaging.WithID("tour/"+tour))
	return err
}

// Cached is the price that the cache knows.
func (s *Service) Cached(ctx context.Context, tour string) (Quote, error) {
	return cache.Get[Quote](ctx, s.cache, "quote:"+tour)
}

// Close ends everything in the opposite order of its beginning, past failures, within ctx.
func (s *Service) Close(ctx context.Context) error {
	errs := make([]error, 0, len(s.closers))
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i](ctx))
	}
	return errors.Join(errs...)
}

// run prices each tour and prints what came back.
func run(ctx context.Context, tours []string, out io.Writer) (err error) {
	s, err := NewService()
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, s.Close(ctx))
	}()
	if err := s.Start(ctx); err != nil {
		return err
	}
	for _, tour := range tours {
		if err := s.Ask(ctx, tour); err != nil {
			return err
		}
		select {
		case q := <-s.Quotes:
			if _, err := fmt.Fprintf(out, "%s costs %d.%02d\n", q.Tour, q.Cents/100, q.Cents%100); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func main() {
	tours := os.Args[1:]
	if len(tours) == 0 {
		tours = []string{"serengeti", "okavango"}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, tours, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "nofx:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}
