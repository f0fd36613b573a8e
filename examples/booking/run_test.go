package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/breakwater-go/breakwater/core/cache"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// flags are options as the command line gives them.
func flags(t *testing.T, args ...string) Options {
	t.Helper()
	o, err := ParseOptions(args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// book runs to the end and wants no error.
func book(t *testing.T, o Options, extra ...fx.Option) (Summary, string) {
	t.Helper()
	var out bytes.Buffer
	s, err := Run(t.Context(), nil, o, nil, Terminal{strings.NewReader(""), &out, t.Output()}, extra...)
	if err != nil {
		t.Fatal(err)
	}
	return s, out.String()
}

// counts is a summary without what depends on the clock.
func (s Summary) counts() Summary {
	s.Seconds, s.Missing = 0, ""
	return s
}

// foretell says what must become of lines, by what the partners answer.
func foretell(t *testing.T, lines []byte) (want Summary, byKey map[string]Result) {
	t.Helper()
	byKey = map[string]Result{}
	number := 0
	for text := range bytes.Lines(lines) {
		number++
		want.Requests++
		r, err := ParseRequest(bytes.TrimSuffix(text, []byte("\n")))
		if err != nil {
			want.Rejected++
			continue
		}
		key := newSubmission("", number, r).Key
		switch {
		case byKey[key] != "":
			want.Duplicates++
			continue
		case r.Problems() != nil:
			want.Rejected++
			byKey[key] = Refused
		case r.Tour == soldOut:
			want.Compensated++
			byKey[key] = Compensated
		case strings.HasPrefix(r.PaymentCardRef, cardDeclined):
			want.PaymentFailed++
			byKey[key] = PaymentFailed
		default:
			want.Reserved++
			byKey[key] = Reserved
		}
	}
	return want, byKey
}

func TestSampleFile(t *testing.T) {
	want, byKey := foretell(t, sampleLines())
	for name, n := range map[string]int{"requests": want.Requests - 219, "reserved": want.Reserved, "payment_failed": want.PaymentFailed,
		"compensated": want.Compensated, "rejected": want.Rejected, "duplicates": want.Duplicates} {
		if n < 1 {
			t.Errorf("the sample has too few requests: %s", name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var partners *Partners
		var srv *memory.Server
		s, _ := book(t, flags(t, "-run", "R"), fx.Populate(&partners, &srv))
		if s.counts() != want {
			t.Errorf("summary is\n  %+v\nwant\n  %+v", s.counts(), want)
		}
		if !s.Sound() {
			t.Error("the summary is not sound")
		}
		checkLedgers(t, partners.Ledgers(), byKey)
		checkCache(t, srv, byKey)
		checkDeadLetters(t, srv, want.Rejected)
	})
}

// checkLedgers: what the partners did for each booking is what its result says, once.
func checkLedgers(t *testing.T, ledgers map[string]Ledger, byKey map[string]Result) {
	t.Helper()
	for key, result := range byKey {
		l, known := ledgers["R/"+key]
		want := map[Result]Ledger{
			Reserved:      {Reservations: 1, Charges: 1, Attempts: 1, RoomHeld: true, TourHeld: true},
			Compensated:   {Reservations: 1},
			PaymentFailed: {Reservations: 1, Attempts: 3, PaymentFailure: "the payment failed at every attempt"},
		}[result]
		if result == Reserved && l.Attempts == 2 { // a flaky payment
			want.Attempts = 2
		}
		if l != want || known != (result != Refused) {
			t.Errorf("%s (%s): the partners did %+v, want %+v", key, result, l, want)
		}
	}
	if len(ledgers) > len(byKey) {
		t.Errorf("%d bookings for %d requests", len(ledgers), len(byKey))
	}
}

// checkCache: every reserved booking, and no other, has a record, for no longer than its sensitivity allows.
func checkCache(t *testing.T, srv *memory.Server, byKey map[string]Result) {
	t.Helper()
	kv := memory.NewKeyValue(srv)
	for key, result := range byKey {
		ttl, err := kv.TTL(t.Context(), recordKey("R/"+key))
		if result != Reserved {
			if ports.KindOf(err) != ports.ErrNotFound {
				t.Errorf("%s (%s) has a record", key, result)
			}
			continue
		}
		if err != nil || ttl <= 0 || ttl > cache.HighTTL {
			t.Errorf("%s: the record lives for %v, %v; want at most %v", key, ttl, err, cache.HighTTL)
		}
	}
}

// checkDeadLetters: one for each rejected line, with its number and a reason, in the payload.
func checkDeadLetters(t *testing.T, srv *memory.Server, want int) {
	t.Helper()
	b := memory.NewBroker(srv)
	sub, err := b.Subscribe(t.Context(), ports.SubscribeOptions{Topic: deadTopic, Group: "check", Strategy: ports.LoadBalanced, FromStart: true})
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int]bool{}
	var broken, incomplete int
	for range want {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		d, err := sub.Receive(ctx)
		cancel()
		if err != nil {
			t.Fatalf("after %d dead letters: %v; want %d", len(lines), err, want)
		}
		var r Rejected
		if err := wire.Unmarshal(d.Message().Payload, &r); err != nil {
			t.Fatal(err)
		}
		if r.Run != "R" || r.Line < 1 || r.Reason == "" || lines[r.Line] {
			t.Errorf("dead letter %+v", r)
		}
		lines[r.Line] = true
		about, ok := messaging.ParseDeadLetter(d.Message().Headers)
		switch {
		case ok && about.Reason == reasonNotARequest && r.Text != "":
			broken++
		case ok && about.Reason == reasonIncomplete && r.Request != nil && strings.Contains(r.Reason, "is missing"):
			incomplete++
		default:
			t.Errorf("dead letter of line %d: %+v", r.Line, about)
		}
		if err := d.Ack(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if broken == 0 || incomplete == 0 {
		t.Errorf("%d lines that are no request and %d with fields missing; want some of both", broken, incomplete)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTheApplicationIsAValidGraph for whatever the environment chooses.
func TestTheApplicationIsAValidGraph(t *testing.T) {
	for _, vars := range []map[string]string{
		nil,
		{"BREAKWATER_ENV": "test"},
		{"BREAKWATER_ENV": "production", "BREAKWATER_KEYVALUE": "memory", "BREAKWATER_BROKER": "memory", "BREAKWATER_ORCHESTRATOR": "memory"},
	} {
		o, err := appOptions(vars, "R", NewTracker(), zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		if err := fx.ValidateApp(o); err != nil {
			t.Errorf("%v: %v", vars, err)
		}
	}
	_, err := appOptions(map[string]string{"BREAKWATER_ENV": "production", "BREAKWATER_BROKER": "memory"}, "R", NewTracker(), zap.NewNop())
	if err == nil || !strings.Contains(err.Error(), "set BREAKWATER_KEYVALUE to one of: memory; BREAKWATER_ORCHESTRATOR to one of: memory") {
		t.Errorf("error is %v, want one that says what to set", err)
	}
}

func TestASeedGivesTheSameRunTwice(t *testing.T) {
	var all [2]Summary
	for i := range all {
		synctest.Test(t, func(t *testing.T) { all[i], _ = book(t, flags(t, "-n", "300", "-seed", "42")) })
	}
	want, _ := foretell(t, bytes.Join(collect(42, 300), []byte("\n")))
	if all[0].counts() != all[1].counts() || all[0].counts() != want {
		t.Errorf("summaries\n  %+v\n  %+v\nwant\n  %+v", all[0].counts(), all[1].counts(), want)
	}
}

func collect(seed uint64, n int) (lines [][]byte) {
	for line := range Generate(seed, n) {
		lines = append(lines, line)
	}
	return lines
}

// TestABrokerOutageLosesNothing: messages are stranded while the primary is down, and all come home.
func TestABrokerOutageLosesNothing(t *testing.T) {
	want, byKey := foretell(t, sampleLines())
	synctest.Test(t, func(t *testing.T) {
		var partners *Partners
		s, _ := book(t, flags(t, "-run", "R", "-fault", "broker=2s@1s", "-json"), fx.Populate(&partners))
		if s.Stranded == nil || *s.Stranded == 0 || *s.Replayed != *s.Stranded {
			t.Errorf("stranded %v, replayed %v", s.Stranded, s.Replayed)
		}
		if s.Seconds < 4.9 {
			t.Errorf("the sends took %v s, want them spread over 5 s", s.Seconds)
		}
		checkLedgers(t, partners.Ledgers(), byKey)
		s.Stranded, s.Replayed = nil, nil
		if s.counts() != want {
			t.Errorf("summary is\n  %+v\nwant\n  %+v", s.counts(), want)
		}
	})
}

// TestAFaultThatOutlastsTheSends: the run waits for the broker.
func TestAFaultThatOutlastsTheSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := book(t, flags(t, "-n", "50", "-seed", "3", "-fault", "broker=20s@0s"))
		if !s.Sound() || s.Seconds < 20 {
			t.Errorf("summary is %+v, want a sound one after 20 s", s)
		}
	})
}

// TestWhatNobodyWaitsForComesHomeToo: dead letters have no outcome, and are brought back all the same.
func TestWhatNobodyWaitsForComesHomeToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	if err := os.WriteFile(path, []byte("no\nrequest\nat all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		// The broker is back between two probes of the client's own recovery, and the run has nothing left to wait for.
		s, _ := book(t, flags(t, "-requests", path, "-fault", "broker=19500ms@1s"))
		if !s.Sound() || s.Rejected != 3 || *s.Stranded != 2 {
			t.Errorf("summary is %+v, stranded %d, replayed %d; want 2 of each", s, *s.Stranded, *s.Replayed)
		}
	})
}

// TestRunsOnOneBackendDoNotMeet: two at the same time and one after the other, whose requests have the same ids.
func TestRunsOnOneBackendDoNotMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memory.NewServer(memory.ServerOptions{})
		lasting := fx.Decorate(func(*memory.Server) *memory.Server { return shared })
		seeds := [...]string{"7", "8", "7"}
		wants := map[string]Summary{}
		for _, seed := range []uint64{7, 8} {
			wants[fmt.Sprint(seed)], _ = foretell(t, bytes.Join(collect(seed, 100), []byte("\n")))
		}
		var all [3]Summary
		var runs sync.WaitGroup
		for i := range all[:2] {
			runs.Go(func() { all[i], _ = book(t, flags(t, "-n", "100", "-seed", seeds[i]), lasting) })
		}
		runs.Wait()
		all[2], _ = book(t, flags(t, "-n", "100", "-seed", seeds[2]), lasting)
		for i, s := range all {
			want := wants[seeds[i]]
			if s.counts() != want {
				t.Errorf("run %d: summary is\n  %+v\nwant\n  %+v", i, s.counts(), want)
			}
		}
	})
}

// TestInterruptDrains: what was sent gets its outcome, and what was not is said.
func TestInterruptDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		time.AfterFunc(2*time.Second, func() { close(stop) })
		s, err := Run(t.Context(), stop, flags(t, "-n", "200", "-seed", "1", "-fault", "broker=10m@1s"), nil, Terminal{nil, io.Discard, t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		if s.Lost != 0 || !s.Sound() || s.Requests == 0 || s.Requests+s.Unread != 200 || s.Unread == 0 {
			t.Errorf("summary is %+v, want 200 requests sent or said to be left, and none lost", s)
		}
		if !strings.Contains(s.left(), "requests were not sent") {
			t.Errorf("it says %q", s.left())
		}
	})
}

// TestWhatIsLostIsSaid: without an orchestrator there are no outcomes, and the run gives up at its deadline.
func TestWhatIsLostIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Down once everything has started.
		down := fx.Invoke(func(lc fx.Lifecycle, srv *memory.Server) {
			lc.Append(fx.StartHook(func() { srv.Faults().SetUnavailable(memory.PortOrchestrator, true) }))
		})
		s, err := Run(t.Context(), nil, flags(t, "-n", "10", "-seed", "1", "-timeout", "30s"), nil, Terminal{nil, io.Discard, t.Output()}, down)
		if err == nil || !strings.Contains(err.Error(), "gave up after -timeout 30s") {
			t.Errorf("error is %v", err)
		}
		if s.Lost == 0 || s.Sound() || s.Requests != 10 || s.Seconds != 30 {
			t.Errorf("summary is %+v, want requests lost after 30 s", s)
		}
		if left := s.left(); !strings.Contains(left, "requests have no outcome, such as req-000001 (line 1), ") {
			t.Errorf("it says %q", left)
		}
	})
}

// TestInterruptWhileTheInputBlocks: an interrupt ends a run that waits for its input.
func TestInterruptWhileTheInputBlocks(t *testing.T) {
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	stop := make(chan struct{})
	go func() {
		_, _ = feed.Write(append(collect(1, 1)[0], '\n'))
		close(stop)
	}()
	s, err := Run(t.Context(), stop, flags(t, "-requests", "-"), nil, Terminal{in, io.Discard, t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if s.Lost != 0 || s.Unread != -1 {
		t.Errorf("summary is %+v, want nothing lost and the input not read to its end", s)
	}
	_ = in.Close()
}

func TestSummaryJSON(t *testing.T) {
	line, err := json.Marshal(Summary{Requests: 10, Reserved: 4, PaymentFailed: 1, Compensated: 2, Rejected: 2, Duplicates: 1, Seconds: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"requests":10,"reserved":4,"payment_failed":1,"compensated":2,"rejected":2,"duplicates":1,"lost":0,"seconds":0.25}`
	if string(line) != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
	five := int64(5)
	var out bytes.Buffer
	if err := (Summary{Stranded: &five, Replayed: &five}).Write(&out, true); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, `"seconds":0,"stranded":5,"replayed":5}`) {
		t.Errorf("the last line is %s", last)
	}
}

func TestExitStatus(t *testing.T) {
	open, closed := make(chan struct{}), make(chan struct{})
	close(closed)
	three, two := int64(3), int64(2)
	for name, tc := range map[string]struct {
		s    Summary
		err  error
		stop <-chan struct{}
		want int
	}{
		"all accounted for":    {Summary{Requests: 2, Reserved: 1, Rejected: 1}, nil, open, 0},
		"one lost":             {Summary{Requests: 2, Reserved: 1, Lost: 1}, nil, open, 1},
		"one unaccounted for":  {Summary{Requests: 3, Reserved: 1, Rejected: 1}, nil, open, 1},
		"one not replayed":     {Summary{Requests: 1, Reserved: 1, Stranded: &three, Replayed: &two}, nil, open, 1},
		"an error":             {Summary{Requests: 1, Reserved: 1}, io.ErrUnexpectedEOF, open, 1},
		"an error before all":  {Summary{}, io.ErrUnexpectedEOF, open, 1},
		"interrupted":          {Summary{Requests: 1, Reserved: 1, Unread: 5}, nil, closed, 130},
		"interrupted and lost": {Summary{Requests: 1, Lost: 1}, nil, closed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := report(tc.s, tc.err, Options{}, tc.stop, Terminal{nil, io.Discard, io.Discard}); got != tc.want {
				t.Errorf("exit status is %d, want %d", got, tc.want)
			}
		})
	}
}
