package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// benchmark compares two ways to the same end.
type benchmark struct {
	name string
	// n is how many operations one measurement runs; both sides run the same number.
	n        int
	peerName string
	ours     setup
	peer     setup
	// base, if set, is what both sides do underneath: its cost is taken off theirs, so that the figures show what each adds.
	base    setup
	figures []figure
}

// setup makes a side ready for one measurement, so that none inherits what another left behind.
type setup func(ctx context.Context) (workload, error)

// workload is a side that is ready.
type workload struct {
	// run does n operations, verifies what came of them and returns when the last has ended. It is all that is measured.
	run func(ctx context.Context, n int) error
	// check, if set, verifies afterwards what would disturb the measurement; stop, if set, releases.
	check func(ctx context.Context, n int) error
	stop  func(ctx context.Context) error
}

// figure is one number of a sample, with its place in the report.
type figure struct {
	suffix, unit string
	of           func(sample) float64
	higherWins   bool
}

var (
	nsPerOp     = figure{unit: "ns/op", of: func(s sample) float64 { return s.ns }}
	allocsPerOp = figure{suffix: "-allocs", unit: "allocs/op", of: func(s sample) float64 { return s.allocs }}
	perSecond   = figure{unit: "op/s", of: func(s sample) float64 { return 1e9 / s.ns }, higherWins: true}
)

// sample is what one operation cost in one measurement.
type sample struct{ ns, allocs float64 }

func (s sample) minus(base sample) sample { return sample{s.ns - base.ns, s.allocs - base.allocs} }

// measure sets a side up, starts from a clean heap, and times n operations.
func measure(ctx context.Context, begin setup, n int) (s sample, err error) {
	w, err := begin(ctx)
	if err != nil {
		return s, fmt.Errorf("set up: %w", err)
	}
	if w.stop != nil {
		defer func() { err = errors.Join(err, w.stop(ctx)) }()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	err = w.run(ctx, n)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if err == nil && w.check != nil {
		err = w.check(ctx, n)
	}
	return sample{float64(took.Nanoseconds()) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n)}, err
}

// samples of both sides, in the order of the rounds.
type samples struct{ ours, peer []sample }

// compare measures both sides in turn, ours, peer, ours, peer …, so that what slows the machine for a while slows both.
func (b benchmark) compare(ctx context.Context, rounds, n int) (all samples, err error) {
	for range rounds {
		var base sample
		if b.base != nil {
			if base, err = measure(ctx, b.base, n); err != nil {
				return all, fmt.Errorf("%s: base: %w", b.name, err)
			}
		}
		ours, err := measure(ctx, b.ours, n)
		if err != nil {
			return all, fmt.Errorf("%s: ours: %w", b.name, err)
		}
		peer, err := measure(ctx, b.peer, n)
		if err != nil {
			return all, fmt.Errorf("%s: %s: %w", b.name, b.peerName, err)
		}
		all.ours, all.peer = append(all.ours, ours.minus(base)), append(all.peer, peer.minus(base))
	}
	return all, nil
}

// entries are the benchmark's lines in the report.
func (b benchmark) entries(all samples) []entry {
	var lines []entry
	for _, f := range b.figures {
		ours, peer := median(all.ours, f.of), median(all.peer, f.of)
		lines = append(lines, entry{Name: b.name + f.suffix, Ours: round(ours), Peer: round(peer), PeerName: b.peerName,
			Unit: f.unit, Ratio: round(ratio(ours, peer, f.higherWins))})
	}
	return lines
}

// ratio is above 1 where ours is better. What costs nothing counts as a hundredth, lest the ratio be infinite: of a
// nanosecond or of an allocation.
func ratio(ours, peer float64, higherWins bool) float64 {
	const least = 0.01
	ours, peer = max(ours, least), max(peer, least)
	if higherWins {
		return ours / peer
	}
	return peer / ours
}

func median(all []sample, of func(sample) float64) float64 {
	values := make([]float64, len(all))
	for i, s := range all {
		values[i] = of(s)
	}
	slices.Sort(values)
	mid := len(values) / 2
	if len(values)%2 == 0 {
		return (values[mid-1] + values[mid]) / 2
	}
	return values[mid]
}
