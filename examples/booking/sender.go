package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/sensitivity"
)

// Sender turns lines into messages.
type Sender struct {
	run     string
	client  *messaging.Client
	tracker *Tracker
	log     *slog.Logger
}

// SendAll sends what the source has, evenly over spread if that is not 0, until ctx ends, and returns how many lines it
// took. A send under way is finished within calls, the context of the run.
func (s *Sender) SendAll(ctx, calls context.Context, source Source, spread time.Duration) (taken int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	for item := range feed(ctx, source) {
		if item.err != nil {
			return taken, fmt.Errorf("read requests: %w", item.err)
		}
		if spread > 0 && !waitUntil(ctx, start.Add(spread*time.Duration(taken)/time.Duration(source.Total))) {
			return taken, nil
		}
		if !s.send(ctx, calls, item.line) {
			return taken, nil
		}
		taken++
	}
	return taken, nil
}

// waitUntil is false when ctx ended first.
func waitUntil(ctx context.Context, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send sends one line; false = ctx ended before the line was taken.
func (s *Sender) send(ctx, calls context.Context, line Line) bool {
	request, err := ParseRequest(line.Text)
	if line.TooLong {
		err = fmt.Errorf("longer than %d bytes", maxLine)
	}
	if err != nil {
		s.reject(calls, line, err)
		return true
	}
	submission := newSubmission(s.run, line.Number, request)
	if s.tracker.Expect(ctx, submission.Key, line.Number) != nil {
		return false
	}
	_, err = s.client.SmartSend(calls, requestsTopic, submission, request.User, messaging.WithID(submission.MessageID()))
	if err != nil {
		s.log.Error("request not sent", "line", line.Number, "key", submission.Key, "error", err)
		s.tracker.SendFailed(submission.Key)
	}
	return true
}

// reject puts a line that is no request on the dead-letter topic.
func (s *Sender) reject(calls context.Context, line Line, cause error) {
	rejected := Rejected{Run: s.run, Line: line.Number, Reason: cause.Error(), Text: rejectedText(line.Text)}
	// The text may be a spoilt request, with a card's reference in it.
	_, err := s.client.DeadLetter(calls, requestsTopic, rejected, reasonNotARequest, errors.New(rejected.Reason),
		messaging.WithID(rejected.id()), messaging.WithSensitivity(sensitivity.High))
	if err != nil {
		s.log.Error("dead letter not sent", "line", line.Number, "error", err)
		s.tracker.LoseLine(rejected.id(), line.Number)
		return
	}
	s.tracker.RejectLine()
}
