package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/core/cache"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
)

// Steps of a booking. A step may run more than once, so each bears repetition: partners know a booking by its id, a
// message by its own.
type Steps struct {
	validate      *process.Step[Submission, []string]
	searchHotels  *process.Step[Request, []Hotel]
	searchFlights *process.Step[Request, []Flight]
	reserveRoom   *process.Step[Stay, string]
	releaseRoom   *process.Step[string, struct{}]
	bookTour      *process.Step[Trip, string]
	cancelTour    *process.Step[string, struct{}]
	charge        *process.Step[Payment, Paid]
	record        *process.Step[Record, struct{}]
	deadLetter    *process.Step[Rejected, struct{}]
	publish       *process.Step[Outcome, struct{}]
}

// Record is what the cache keeps of a booking. The card's reference makes it highly sensitive: 300 s, by its name alone.
type Record struct {
	Booking        string `json:"booking"`
	User           string `json:"user"`
	Room           string `json:"room"`
	Tour           string `json:"tour"`
	PaymentCardRef string `json:"payment_card_ref"`
}

func recordKey(booking string) string { return "booking:" + booking }

// NewSteps binds the steps to what they work with.
func NewSteps(p *Partners, client *messaging.Client, records *cache.Cache) *Steps {
	return &Steps{
		validate: process.NewStep("validate_request", func(_ context.Context, s Submission) ([]string, error) {
			return s.Request.Problems(), nil
		}, process.StepOptions[Submission, []string]{}),

		searchHotels:  process.NewStep("search_hotels", p.searchHotels, onQueue[Request, []Hotel](3)),
		searchFlights: process.NewStep("search_flights", p.searchFlights, onQueue[Request, []Flight](3)),
		reserveRoom:   process.NewStep("reserve_room", p.reserveRoom, onQueue[Stay, string](3)),
		releaseRoom:   process.NewStep("release_room", p.releaseRoom, onQueue[string, struct{}](5)),
		bookTour:      process.NewStep("book_tour", p.bookTour, onQueue[Trip, string](3)),
		cancelTour:    process.NewStep("cancel_tour", p.cancelTour, onQueue[string, struct{}](5)),
		charge: process.NewStep("charge_payment", p.charge, process.StepOptions[Payment, Paid]{
			Queue: queue, Attempts: 3, Backoff: firstBackoff, Timeout: stepTimeout, Fallback: p.recordFailure,
		}),

		record: process.NewStep("record_booking", func(ctx context.Context, r Record) (struct{}, error) {
			return struct{}{}, cache.Set(ctx, records, recordKey(r.Booking), r, cache.WriteOptions{Event: "create"})
		}, onQueue[Record, struct{}](3)),

		deadLetter: process.NewStep("dead_letter_request", func(ctx context.Context, r Rejected) (struct{}, error) {
			_, err := client.DeadLetter(ctx, requestsTopic, r, reasonIncomplete, errors.New(r.Reason), messaging.WithID(r.id()))
			return struct{}{}, err
		}, onQueue[Rejected, struct{}](10)),

		publish: process.NewStep("publish_outcome", func(ctx context.Context, o Outcome) (struct{}, error) {
			_, err := client.SmartSend(ctx, outcomesTopic, o, o.Key, messaging.WithID(o.Run+"/"+o.Key+"/outcome"))
			return struct{}{}, err
		}, onQueue[Outcome, struct{}](10)),
	}
}

const (
	firstBackoff = 100 * time.Millisecond
	stepTimeout  = 10 * time.Second
)

// onQueue are the options of a step that is tried so often.
func onQueue[In, Out any](attempts int) process.StepOptions[In, Out] {
	return process.StepOptions[In, Out]{Queue: queue, Attempts: attempts, Backoff: firstBackoff, Timeout: stepTimeout}
}

// definitions are what the workers run, but the local step, which needs no registration.
func (s *Steps) definitions() []process.Definition {
	return []process.Definition{s.searchHotels, s.searchFlights, s.reserveRoom, s.releaseRoom, s.bookTour, s.cancelTour,
		s.charge, s.record, s.deadLetter, s.publish}
}

// reasons of dead letters.
const (
	reasonNotARequest messaging.Reason = "not a request"
	reasonIncomplete  messaging.Reason = "fields missing"
)

func joinProblems(problems []string) string { return strings.Join(problems, "; ") }
