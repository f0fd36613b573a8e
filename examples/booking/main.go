// Booking is a small service on Breakwater, whole: requests for safaris come in as JSON lines, travel as messages, start
// durable processes of several steps, and end as outcomes that the program counts. It runs with nothing but Go installed:
//
//	go run ./examples/booking                        # the sample file, testdata/requests.jsonl
//	go run ./examples/booking -n 1000 -json          # 1000 made-up requests; the last line is a JSON object
//	go run ./examples/booking -requests - < file     # one request a line
//	go run ./examples/booking -fault broker=2s@1s    # the primary broker is down from second 1 on, for 2 s
//
// A line goes out with SmartSend on booking-requests, keyed by its user, with the request's id as the message's. OnEvent
// starts the process safari_booking_workflow on safari-queue, once an id:
//
//	validate        a local step; a request with fields missing goes to booking-requests-dlq
//	search          hotels and flights, side by side
//	reserve         the room, with its compensation
//	book            the tour, with its compensation; a sold-out tour undoes what was done
//	charge          three attempts; the fallback records the failure, and everything is undone
//	record          in the cache; the reference to a card makes it sensitive, so that it stays 300 s at most
//	publish         the outcome, on booking-outcomes, where this program counts
//
// Lines that are no request are put on booking-requests-dlq by the reader. Every request ends in exactly one way: reserved,
// payment_failed, compensated, rejected, or duplicates, for one whose id came before. What has no outcome is lost.
//
// # Flags
//
//	-requests FILE  read requests from FILE, - is standard input; the sample file unless set
//	-n N            make N requests with the sample's mix instead, from a seed that is printed
//	-seed SEED      make them from this seed
//	-json           end with {"requests":…,"reserved":…,"payment_failed":…,"compensated":…,"rejected":…,"duplicates":…,
//	                "lost":…,"seconds":…}, and "stranded" and "replayed" after a fault
//	-run TAG        stands before message and process ids, so that runs on lasting backends do not meet; random unless set
//	-fault SPEC     broker=2s@1s: the primary memory broker alone fails for 2 s from second 1 on. Messages go to the
//	                emergency store and are replayed. The sends are spread over 5 s
//	-timeout D      give up after D (5m)
//
// Ctrl-C reads no more, waits for what is under way and says what was left; a second one ends at once. The exit status is
// 0 when every request is accounted for, 1 when not, 2 for wrong flags, and 130 after a Ctrl-C that lost nothing.
//
// Which backends it runs on, the environment says (BREAKWATER_…, see package fxmodules/choose); memory unless set.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/breakwater-go/breakwater/fxmodules/choose"
)

func main() {
	options, err := ParseOptions(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := interrupts()
	terminal := Terminal{os.Stdin, os.Stdout, os.Stderr}
	summary, err := Run(ctx, stop, options, choose.Environ(os.Environ()), terminal)
	os.Exit(report(summary, err, options, stop, terminal))
}

// interrupts closes stop at the first Ctrl-C and ends ctx at the second.
func interrupts() (ctx context.Context, stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, first := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		say(os.Stderr, "interrupted: waiting for what is under way; once more ends at once\n")
		close(first)
		<-signals
		cancel()
	}()
	return ctx, first
}

// report prints the summary and gives the exit status.
func report(s Summary, err error, o Options, stop <-chan struct{}, t Terminal) int {
	if err != nil {
		say(t.Err, "booking: %v\n", err)
	}
	if s.Requests == 0 && err != nil {
		return 1
	}
	if werr := s.Write(t.Out, o.JSON); werr != nil || err != nil || !s.Sound() {
		return 1
	}
	select {
	case <-stop:
		return 130
	default:
		return 0
	}
}

// say writes for people: what cannot be shown is no reason to stop.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// newLogger writes what deserves attention, for people.
func newLogger(w io.Writer) *zap.Logger {
	encoder := zap.NewDevelopmentEncoderConfig()
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(zapcore.AddSync(w)), zapcore.WarnLevel))
}
