package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEachBenchmarkWorks runs each for a moment: both sides do the work, and their own checks find it done. How fast they
// are is no matter of a test.
func TestEachBenchmarkWorks(t *testing.T) {
	for _, b := range benchmarks() {
		t.Run(b.name, func(t *testing.T) {
			const rounds, n = 2, 200
			all, err := b.compare(t.Context(), rounds, n)
			if err != nil {
				t.Fatal(err)
			}
			if len(all.ours) != rounds || len(all.peer) != rounds {
				t.Errorf("%d and %d samples; want %d of each", len(all.ours), len(all.peer), rounds)
			}
			for _, s := range append(all.ours, all.peer...) {
				if b.base == nil && (s.ns <= 0 || s.allocs < 0) || math.IsNaN(s.ns) {
					t.Errorf("sample %+v is none", s)
				}
			}
			if lines := b.entries(all); len(lines) != len(b.figures) {
				t.Errorf("%d lines in the report; want %d", len(lines), len(b.figures))
			}
		})
	}
}

func TestTallyCountsEachMessageOnce(t *testing.T) {
	payload := func(i byte) []byte { return []byte{i, 0, 0, 0, 0, 0, 0, 0} }
	for name, c := range map[string]struct {
		acked []byte
		ok    bool
	}{
		"each once": {[]byte{2, 0, 1}, true}, "one lost": {[]byte{0, 1}, false}, "one twice, one lost": {[]byte{0, 1, 1}, false},
		"one twice": {[]byte{0, 1, 2, 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tally := newTally(3)
			for _, i := range c.acked {
				tally.ack(payload(i))
			}
			if err := tally.check(); (err == nil) != c.ok {
				t.Errorf("check: %v", err)
			}
		})
	}
	tally := newTally(3)
	tally.fail(io.ErrUnexpectedEOF)
	if err := tally.wait(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("wait after a failure: %v", err)
	}
}

// TestMeasureInterleavesAndSubtracts watches the order in which sides are run, and what is made of their samples.
func TestMeasureInterleavesAndSubtracts(t *testing.T) {
	var order []string
	side := func(name string, allocs int) setup {
		return func(context.Context) (workload, error) {
			return workload{run: func(_ context.Context, n int) error {
				order = append(order, name)
				for range n * allocs {
					sink = new([64]byte)
				}
				return nil
			}}, nil
		}
	}
	b := benchmark{name: "x", peerName: "y", base: side("base", 1), ours: side("ours", 2), peer: side("peer", 5), figures: []figure{allocsPerOp}}
	all, err := b.compare(t.Context(), 3, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(order, " "), strings.TrimSpace(strings.Repeat("base ours peer ", 3)); got != want {
		t.Errorf("order is %q; want %q", got, want)
	}
	e := b.entries(all)[0]
	if e.Name != "x-allocs" || math.Abs(e.Ours-1) > 0.1 || math.Abs(e.Peer-4) > 0.1 || math.Abs(e.Ratio-4) > 0.5 {
		t.Errorf("entry is %+v; want 1 against 4 allocations", e)
	}
}

var sink *[64]byte

func TestFailureOfASideEndsTheRun(t *testing.T) {
	bad := func(context.Context) (workload, error) {
		return workload{run: repeat(func() error { return nil }), check: func(context.Context, int) error { return io.EOF }}, nil
	}
	b := benchmark{name: "x", ours: bad, peer: bad}
	if _, err := b.compare(t.Context(), 1, 1); !errors.Is(err, io.EOF) {
		t.Errorf("compare: %v; want the side's own error", err)
	}
}

func TestMedianAndRatio(t *testing.T) {
	values := func(ns ...float64) (all []sample) {
		for _, v := range ns {
			all = append(all, sample{ns: v})
		}
		return all
	}
	if got := median(values(9, 1, 5), nsPerOp.of); got != 5 {
		t.Errorf("median of three is %v; want 5", got)
	}
	if got := median(values(9, 1, 5, 3), nsPerOp.of); got != 4 {
		t.Errorf("median of four is %v; want 4", got)
	}
	for _, c := range []struct {
		ours, peer float64
		higherWins bool
		want       float64
	}{{50, 100, false, 2}, {50, 100, true, 0.5}, {0, 20, false, 2000}, {-3, 20, false, 2000}} {
		if got := ratio(c.ours, c.peer, c.higherWins); got != c.want {
			t.Errorf("ratio of %v and %v is %v; want %v", c.ours, c.peer, got, c.want)
		}
	}
}

func TestReportHasItsFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := writeReport(path, []entry{{"a", 1.5, 3, "p", "ns/op", 2}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	if got, want := compact.String(), `[{"name":"a","ours":1.5,"peer":3,"peer_name":"p","unit":"ns/op","ratio":2}]`; got != want {
		t.Errorf("report is %s; want %s", got, want)
	}
}

func TestArgumentsAreChecked(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "4"}, {"-only", "nothing-of-that-name"}, {"-only", "("}} {
		if err := run(t.Context(), append(args, "-o", filepath.Join(t.TempDir(), "r")), io.Discard, io.Discard); err == nil {
			t.Errorf("run %v: no error", args)
		}
	}
}
