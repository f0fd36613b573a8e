// Package mutants holds drivers that are broken in one way each, to prove that the conformance suite notices. A mutant is
// a decorator around the memory driver; the cases that must catch it are named, and no other case may fail.
package mutants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/ports"
)

// Mutant is a driver broken in one way.
type Mutant[D ports.Driver] struct {
	// Name is the bug's ("ttl-ignored").
	Name string
	// Clauses that the mutant breaks.
	Clauses []string
	// Kills are the ids of the cases that must fail, hang or panic; together they hold all of Clauses.
	Kills []string
	// AlsoFails are the ids of cases that may fail too, because they build on what is broken.
	AlsoFails []string
	// Wrap breaks a driver. It is called for each client that the suite opens.
	Wrap func(D) D
}

// Info is what the ledger wants to know of a mutant.
type Info struct {
	Port, Name                string
	Clauses, Kills, AlsoFails []string
}

// Infos describes the mutants of one port.
func Infos[D ports.Driver](port string, all []Mutant[D]) []Info {
	infos := make([]Info, len(all))
	for i, m := range all {
		infos[i] = Info{Port: port, Name: m.Name, Clauses: m.Clauses, Kills: m.Kills, AlsoFails: m.AlsoFails}
	}
	return infos
}

// All describes the mutants of all ports, but those that hang: see package hanging.
func All() []Info {
	return slices.Concat(Infos("keyvalue", KeyValue()), Infos("stream", Stream()), Infos("broker", Broker()),
		Infos("orchestrator", Orchestrator()), Infos("monitor", Monitor()))
}

// Check runs a port's suite, as [conformance.CheckKeyValue] does.
type Check[D ports.Driver] func(context.Context, conformance.Harness[D]) conformance.Report

// Run runs the suite over the sound driver and over each mutant, as a subtest of the mutant's name, each in a synctest
// bubble of its own. newHarness is called inside of the bubble and gives a harness of the sound driver.
//
// A mutant may block for [Deaf] at most: a bubble waits for every goroutine. One that blocks for ever or spins belongs to
// package hanging.
func Run[D ports.Driver](t *testing.T, check Check[D], newHarness func() conformance.Harness[D], all []Mutant[D]) {
	t.Helper()
	inBubble := func(t *testing.T, judge func(conformance.Report) error, wrap func(D) D) {
		synctest.Test(t, func(t *testing.T) {
			if err := judge(check(t.Context(), wrapped(newHarness(), wrap))); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * deafFor) // the bubble's clock: what a mutant left behind ends
		})
	}
	runEach(t, all, inBubble)
}

// RunOnRealClock does the same without bubbles, for mutants that hang: it gives up on a case after deadline.
func RunOnRealClock[D ports.Driver](t *testing.T, check Check[D], newHarness func() conformance.Harness[D], deadline time.Duration, all []Mutant[D]) {
	t.Helper()
	runEach(t, all, func(t *testing.T, judge func(conformance.Report) error, wrap func(D) D) {
		h := wrapped(newHarness(), wrap)
		h.Timing.CaseDeadline, h.Timing.Slack = deadline, deadline/4
		if err := judge(check(t.Context(), h)); err != nil {
			t.Error(err)
		}
	})
}

func runEach[D ports.Driver](t *testing.T, all []Mutant[D], run func(*testing.T, func(conformance.Report) error, func(D) D)) {
	t.Helper()
	t.Run("sound", func(t *testing.T) { run(t, conformance.Report.Err, func(d D) D { return d }) })
	for _, m := range all {
		t.Run(m.Name, func(t *testing.T) { run(t, m.Judge, m.Wrap) })
	}
}

// wrapped is h with every client broken.
func wrapped[D ports.Driver](h conformance.Harness[D], wrap func(D) D) conformance.Harness[D] {
	open := h.Open
	h.Open = func(ctx context.Context, namespace string) (D, error) {
		d, err := open(ctx, namespace)
		if err != nil {
			return d, err
		}
		return wrap(d), nil
	}
	return h
}

// Judge says whether the suite's report on the mutant is what the mutant promises: all of Kills failed, and nothing
// beyond Kills and AlsoFails. The error names each case with what it saw.
func (m Mutant[D]) Judge(r conformance.Report) error {
	var errs []error
	held := map[string]bool{}
	missing := slices.Clone(m.Kills)
	for _, res := range r.Results {
		killed := failed(res.Outcome)
		switch {
		case slices.Contains(m.Kills, res.ID):
			missing = slices.DeleteFunc(missing, func(id string) bool { return id == res.ID })
			for _, c := range res.Clauses {
				held[c] = true
			}
			if !killed {
				errs = append(errs, fmt.Errorf("survived %s: %s %s", res.ID, res.Outcome, res.Detail))
			}
		case killed && !slices.Contains(m.AlsoFails, res.ID):
			errs = append(errs, fmt.Errorf("also failed %s: %s: %s", res.ID, res.Outcome, firstLine(res.Detail)))
		}
	}
	for _, id := range missing {
		errs = append(errs, fmt.Errorf("no case has the id %q", id))
	}
	for _, c := range m.Clauses {
		if !held[c] {
			errs = append(errs, fmt.Errorf("none of the cases that must fail holds %s", c))
		}
	}
	if len(m.Kills) == 0 || len(m.Clauses) == 0 {
		errs = append(errs, errors.New("a mutant names at least one clause and one case"))
	}
	return errors.Join(errs...)
}

func failed(o conformance.Outcome) bool {
	return o == conformance.Fail || o == conformance.Hang || o == conformance.Panic
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// deafFor outlives every case's deadline.
const deafFor = time.Hour

// Deaf blocks the caller for longer than any case lasts, whatever becomes of its context, but not for ever, so that a
// bubble can end.
func Deaf() { time.Sleep(deafFor) }
