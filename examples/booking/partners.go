package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/ports"
)

// Partners stand for the companies behind a booking: hotel, airline, tour operator, payment provider. What they answer
// depends on the request only, so that a run's summary can be foretold. They note what they were asked to do.
type Partners struct {
	mu     sync.Mutex
	ledger map[string]*Ledger
}

// Ledger is what was done for one booking.
type Ledger struct {
	// Reservations and Charges count the calls that took effect, Attempts all tries to charge.
	Reservations, Charges, Attempts int
	RoomHeld, TourHeld              bool
	// PaymentFailure is what the fallback recorded.
	PaymentFailure string
}

// NewPartners who know of no booking yet.
func NewPartners() *Partners { return &Partners{ledger: map[string]*Ledger{}} }

// Ledgers is a copy, by booking.
func (p *Partners) Ledgers() map[string]Ledger {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]Ledger, len(p.ledger))
	for booking, l := range p.ledger {
		all[booking] = *l
	}
	return all
}

// note changes a booking's ledger.
func (p *Partners) note(booking string, change func(l *Ledger)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.ledger[booking]
	if l == nil {
		l = &Ledger{}
		p.ledger[booking] = l
	}
	change(l)
}

// Hotel and Flight are what a search finds.
type (
	Hotel struct {
		Name       string `json:"name"`
		NightCents int64  `json:"night_cents"`
	}
	Flight struct {
		Number string `json:"number"`
		Day    string `json:"day"`
	}
)

func (p *Partners) searchHotels(_ context.Context, r Request) ([]Hotel, error) {
	return []Hotel{{Name: r.Tour + " lodge", NightCents: 12_000}, {Name: r.Tour + " camp", NightCents: 7_500}}, nil
}

func (p *Partners) searchFlights(_ context.Context, r Request) ([]Flight, error) {
	return []Flight{{Number: fmt.Sprintf("BW%03d", len(r.Tour)*7), Day: r.Dates.From}}, nil
}

// Stay asks for a room of a hotel.
type Stay struct {
	Booking string `json:"booking"`
	Hotel   string `json:"hotel"`
	Dates   Dates  `json:"dates"`
}

func (p *Partners) reserveRoom(_ context.Context, s Stay) (string, error) {
	p.note(s.Booking, func(l *Ledger) { l.Reservations++; l.RoomHeld = true })
	return "room-" + s.Booking, nil
}

// releaseRoom bears a room that was never reserved.
func (p *Partners) releaseRoom(_ context.Context, booking string) (struct{}, error) {
	p.note(booking, func(l *Ledger) { l.RoomHeld = false })
	return struct{}{}, nil
}

// Trip asks for places on a tour.
type Trip struct {
	Booking string `json:"booking"`
	Tour    string `json:"tour"`
	Flight  string `json:"flight"`
	Places  int    `json:"places"`
}

func (p *Partners) bookTour(_ context.Context, t Trip) (string, error) {
	if t.Tour == soldOut {
		return "", &ports.ApplicationError{Type: "SoldOut", Message: t.Tour + " has no places left", NonRetryable: true}
	}
	p.note(t.Booking, func(l *Ledger) { l.TourHeld = true })
	return "tour-" + t.Booking, nil
}

// cancelTour bears a tour that was never booked.
func (p *Partners) cancelTour(_ context.Context, booking string) (struct{}, error) {
	p.note(booking, func(l *Ledger) { l.TourHeld = false })
	return struct{}{}, nil
}

// Payment asks for money.
type Payment struct {
	Booking        string `json:"booking"`
	AmountCents    int64  `json:"amount_cents"`
	PaymentCardRef string `json:"payment_card_ref"`
}

// Paid says whether the money came.
type Paid struct {
	Failed bool   `json:"failed"`
	Reason string `json:"reason,omitempty"`
}

func (p *Partners) charge(ctx context.Context, pay Payment) (Paid, error) {
	p.note(pay.Booking, func(l *Ledger) { l.Attempts++ })
	info, _ := process.StepInfo(ctx)
	switch {
	case strings.HasPrefix(pay.PaymentCardRef, cardDeclined):
		return Paid{}, &ports.ApplicationError{Type: "CardDeclined", Message: "the card's bank declined"}
	case strings.HasPrefix(pay.PaymentCardRef, cardFlaky) && info.Attempt == 1:
		return Paid{}, &ports.ApplicationError{Type: "ProviderBusy", Message: "the payment provider is busy"}
	}
	p.note(pay.Booking, func(l *Ledger) { l.Charges++ })
	return Paid{}, nil
}

// recordFailure is the fallback of charge.
func (p *Partners) recordFailure(_ context.Context, pay Payment) (Paid, error) {
	const reason = "the payment failed at every attempt"
	p.note(pay.Booking, func(l *Ledger) { l.PaymentFailure = reason })
	return Paid{Failed: true, Reason: reason}, nil
}
