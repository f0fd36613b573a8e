// Package resilience holds Breakwater's core to its own contract (RS-…): sends, fallback, recovery, handlers, dead letters
// and events, over any pair of a primary broker and an emergency store. Unlike package conformance it imports core.
//
// Outages are made by decorators around the given drivers, so that the cases need no way to cut a real backend off.
package resilience

import (
	"context"
	"slices"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/ports"
)

// Harness tells the suite how to reach the backends.
type Harness struct {
	// Backend names what stands behind the pair, with versions ("redis 7.0.15, pulsar 4.0.4").
	Backend string
	// Open gives new clients on namespace. Namespaces share nothing; two pairs on one namespace share their data. The suite
	// closes what it opened.
	Open func(ctx context.Context, namespace string) (Pair, error)
	// Timing of the zero value suits backends on the same machine.
	Timing conformance.Timing
}

// Pair is what a client of package messaging works on.
type Pair struct {
	// Primary and Store are required; Store is another backend's, as a rule.
	Primary ports.Broker
	Store   ports.EmergencyStore
	// KeyValue and Orchestrator: nil = the clauses that need them are reported as not exercised.
	KeyValue     ports.KeyValue
	Orchestrator ports.Orchestrator
	// Close closes the clients.
	Close func(ctx context.Context) error
}

const port = "resilience"

// Run runs the cases as subtests, so that -run picks one by its id, and returns the report.
func Run(t *testing.T, h Harness) conformance.Report {
	t.Helper()
	r, err := newReport(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range allCases() {
		t.Run(c.id, func(t *testing.T) {
			res := runCase(t.Context(), h, Mutant{}, c, i)
			r.Results = append(r.Results, res)
			switch res.Outcome {
			case conformance.Pass:
			case conformance.NotDeclared, conformance.NotExercised:
				t.Skipf("%s: %s", res.Outcome, res.Detail)
			default:
				t.Errorf("%s %v: %s", res.Outcome, c.clauses, res.Detail)
			}
		})
	}
	return r
}

// Check runs the cases outside of go test.
func Check(ctx context.Context, h Harness) conformance.Report { return check(ctx, h, Mutant{}, nil) }

// check runs the cases, or those of ids, over a client that is broken as m says.
func check(ctx context.Context, h Harness, m Mutant, ids []string) conformance.Report {
	r, err := newReport(ctx, h)
	if err != nil {
		r.Results = []conformance.Result{{ID: port + "/open", Outcome: conformance.Fail, Detail: err.Error()}}
		return r
	}
	for i, c := range allCases() {
		if ids == nil || slices.Contains(ids, c.id) {
			r.Results = append(r.Results, runCase(ctx, h, m, c, i))
		}
	}
	return r
}

func newReport(ctx context.Context, h Harness) (conformance.Report, error) {
	r := conformance.Report{SuiteVersion: conformance.SuiteVersion(), Port: port, Backend: h.Backend, Capabilities: struct{}{}}
	p, err := h.Open(ctx, "resilience-probe")
	if err != nil {
		return r, err
	}
	r.Driver = p.Primary.Name()
	return r, p.Close(ctx)
}

// Cases lists the cases, in the order in which they run.
func Cases() []conformance.CaseInfo {
	var infos []conformance.CaseInfo
	for _, c := range allCases() {
		infos = append(infos, conformance.CaseInfo{ID: c.id, Clauses: c.clauses})
	}
	return infos
}

func allCases() []testCase {
	return slices.Concat(sendCases(), breakerCases(), orderCases(), replayCases(), handlerCases(), holdCases(), deadLetterCases(),
		eventCases(), closeCases())
}
