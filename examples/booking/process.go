package main

import (
	"fmt"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/ports"
)

const (
	service       = "booking"
	queue         = "safari-queue"
	workflow      = "safari_booking_workflow"
	requestsTopic = "booking-requests"
	outcomesTopic = "booking-outcomes"
)

// deadTopic is where requests go that cannot be booked.
const deadTopic = requestsTopic + messaging.DeadLetterSuffix

// Workflow is the process that books one request.
type Workflow = process.Process[Submission, Outcome]

// NewWorkflow defines the process over its steps.
func NewWorkflow(s *Steps) *Workflow {
	return process.New(workflow, func(c *process.Context, in Submission) (Outcome, error) {
		out, err := s.book(c, in)
		if err != nil {
			return out, err
		}
		_, err = process.Execute(c, s.publish, out)
		return out, err
	}, process.Options{Queue: queue})
}

// book leads a request to its outcome. An error means that there is none: even cleaning up failed.
func (s *Steps) book(c *process.Context, in Submission) (Outcome, error) {
	problems, err := process.ExecuteLocal(c, s.validate, in, process.LocalOptions{})
	if err != nil {
		return Outcome{}, err
	}
	if len(problems) > 0 {
		return s.reject(c, in, joinProblems(problems))
	}

	var saga process.Saga
	out, err := s.reserve(c, &saga, in)
	if err == nil && out.Result == Reserved {
		return out, nil
	}
	if err != nil {
		out = in.outcome(Compensated, err.Error())
	}
	return out, saga.Compensate(c)
}

func (s *Steps) reject(c *process.Context, in Submission, reason string) (Outcome, error) {
	rejected := Rejected{Run: in.Run, Line: in.Line, Reason: reason, Request: &in.Request}
	if _, err := process.Execute(c, s.deadLetter, rejected); err != nil {
		return Outcome{}, err
	}
	return in.outcome(Refused, reason), nil
}

// reserve takes the steps that saga can undo.
func (s *Steps) reserve(c *process.Context, saga *process.Saga, in Submission) (Outcome, error) {
	booking, r := in.MessageID(), in.Request
	hotel, flight, err := s.search(c, r)
	if err != nil {
		return Outcome{}, err
	}
	// Both are undone even when their own outcome stays unknown, so their undoing is noted first.
	saga.Add(func(c *process.Context) error { _, err := process.Execute(c, s.releaseRoom, booking); return err })
	room, err := process.Execute(c, s.reserveRoom, Stay{Booking: booking, Hotel: hotel.Name, Dates: r.Dates})
	if err != nil {
		return Outcome{}, err
	}
	saga.Add(func(c *process.Context) error { _, err := process.Execute(c, s.cancelTour, booking); return err })
	tour, err := process.Execute(c, s.bookTour, Trip{Booking: booking, Tour: r.Tour, Flight: flight.Number, Places: len(r.Travellers)})
	if err != nil {
		return Outcome{}, err
	}
	paid, err := process.Execute(c, s.charge, Payment{Booking: booking, AmountCents: r.AmountCents, PaymentCardRef: r.PaymentCardRef})
	if err != nil {
		return Outcome{}, err
	}
	if paid.Failed {
		return in.outcome(PaymentFailed, paid.Reason), nil
	}
	out := in.outcome(Reserved, "")
	out.Room, out.Tour = room, tour
	out.Cached = s.keep(c, Record{Booking: booking, User: r.User, Room: room, Tour: tour, PaymentCardRef: r.PaymentCardRef})
	return out, nil
}

// search asks hotels and airlines side by side and takes the first of each.
func (s *Steps) search(c *process.Context, r Request) (Hotel, Flight, error) {
	found, err := process.InParallel(c, process.Call(s.searchHotels, r), process.Call(s.searchFlights, r))
	if err != nil {
		return Hotel{}, Flight{}, err
	}
	hotels, _ := found[0].([]Hotel)
	flights, _ := found[1].([]Flight)
	if len(hotels) == 0 || len(flights) == 0 {
		return Hotel{}, Flight{}, &ports.ApplicationError{Type: "NothingFound",
			Message: fmt.Sprintf("%d hotels and %d flights found", len(hotels), len(flights))}
	}
	return hotels[0], flights[0], nil
}

// keep writes the record. A paid booking does not fail for its cache.
func (s *Steps) keep(c *process.Context, r Record) bool {
	_, err := process.Execute(c, s.record, r)
	if err != nil {
		c.Logger().Warn("booking not cached", "booking", r.Booking, "error", err)
	}
	return err == nil
}
