package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
	"github.com/breakwater-go/breakwater/ports"
)

// drainFor is how long a run waits, once interrupted, for the outcomes of what it has sent.
const drainFor = 10 * time.Second

// Terminal is what a run reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// booking is a run under way.
type booking struct {
	o       Options
	tracker *Tracker
	source  Source
	log     *zap.Logger
	out     io.Writer

	client *messaging.Client
	faults *memory.Faults // nil = no fault to inject
}

// Run books what the options say and returns the summary. When stop is closed it reads no more, and waits drainFor for
// what is under way; the end of ctx ends it at once. vars are the environment's variables.
func Run(ctx context.Context, stop <-chan struct{}, o Options, vars map[string]string, t Terminal, extra ...fx.Option) (s Summary, err error) {
	source, err := o.open(t.In)
	if err != nil {
		return s, err
	}
	b := &booking{o: o, tracker: NewTracker(), source: source, log: newLogger(t.Err), out: t.Out}
	options, err := appOptions(vars, o.Run, b.tracker, b.log)
	if err != nil {
		return s, err
	}
	var broker ports.Broker
	var choice choose.Choice
	app := fx.New(options, fx.Populate(&b.client, &broker, &choice), fx.Options(extra...))
	if err := app.Err(); err != nil {
		return s, err
	}
	if o.Fault.For > 0 {
		if b.faults, err = faultOf(broker); err != nil {
			return s, err
		}
	}
	say(t.Out, "run %s: %s; %v\n", o.Run, source.Name, choice)
	if err := startApp(ctx, app); err != nil {
		return s, err
	}
	s, err = b.drive(ctx, stop)
	err = errors.Join(err, stopApp(ctx, app))
	if b.faults != nil { // counted to the end: every send has returned now
		s.addFault(b.client.Stats())
	}
	return s, err
}

// startApp and stopApp give all hooks together fx's one budget; stopApp also after an interrupt.
func startApp(ctx context.Context, app *fx.App) error {
	ctx, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	return app.Start(ctx)
}

func stopApp(ctx context.Context, app *fx.App) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.StopTimeout())
	defer cancel()
	return app.Stop(ctx)
}

// drive sends everything and waits for the outcomes.
func (b *booking) drive(ctx context.Context, stop <-chan struct{}) (Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, b.o.Timeout)
	defer cancel()
	reading, stopReading := whileOpen(ctx, stop)
	defer stopReading()

	var shown, faulted sync.WaitGroup
	showing, stopShowing := context.WithCancel(ctx)
	shown.Go(func() { showProgress(showing, b.out, b.source.Total, b.tracker.Counts) })
	spread := time.Duration(0)
	if b.faults != nil {
		spread = faultSpread
		faulted.Go(func() { b.o.Fault.inject(reading, b.faults) })
	}

	start := time.Now()
	sender := Sender{run: b.o.Run, client: b.client, tracker: b.tracker, log: choose.Slog(b.log, "sender")}
	taken, sendErr := sender.SendAll(reading, ctx, b.source, spread)
	b.tracker.Seal()
	b.await(ctx, stop)
	faulted.Wait()
	var flushErr error
	if ctx.Err() == nil {
		flushErr = b.flush(ctx)
	}
	took := time.Since(start)
	stopShowing()
	shown.Wait()

	s := summarize(b.tracker, took)
	if reading.Err() != nil {
		s.Unread = b.unread(taken)
	}
	return s, errors.Join(sendErr, flushErr, b.cutShort(ctx))
}

// cutShort says why a run ended before all was done, if it did.
func (b *booking) cutShort(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("gave up after -timeout %v", b.o.Timeout)
	}
	return errors.New("interrupted twice")
}

// whileOpen ends with ctx or when stop is closed.
func whileOpen(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-stop:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// await returns when every request has its outcome, or when there is no more time to wait: at ctx's end, or drainFor
// after stop.
func (b *booking) await(ctx context.Context, stop <-chan struct{}) {
	select {
	case <-b.tracker.Done():
		return
	case <-ctx.Done():
		return
	case <-stop:
	}
	patience := time.NewTimer(drainFor)
	defer patience.Stop()
	select {
	case <-b.tracker.Done():
	case <-patience.C:
	case <-ctx.Done():
	}
}

// flush brings home what is still stranded, so that a run leaves nothing in the emergency store that it can deliver.
func (b *booking) flush(ctx context.Context) error {
	if st := b.client.Stats(); st.Stranded == st.Replayed {
		return nil
	}
	var errs []error
	for _, topic := range []string{requestsTopic, deadTopic, outcomesTopic} {
		if _, err := b.client.FlushEmergencyFallbacks(ctx, topic, 0); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// unread is how many requests were not taken; -1 = some.
func (b *booking) unread(taken int) int {
	if b.source.Total == 0 {
		return -1
	}
	return b.source.Total - taken
}
