// Package conformance holds any driver, Breakwater's own or anybody's, to the written contract of package ports: one
// fixed list of cases a port, run against a real backend. It needs the standard library and ports only.
//
//	func TestConformance(t *testing.T) {
//		conformance.RunKeyValue(t, conformance.KeyValueHarness{
//			Backend: "mydb 3.1",
//			Open: func(ctx context.Context, namespace string) (ports.KeyValue, error) {
//				return mydb.Open(mydb.Config{Prefix: namespace})
//			},
//		})
//	}
//
// A case owes its clause to every driver (core) or to those that declare a capability. Core cases cannot be skipped, and
// a harness cannot take a capability back: what a driver declares, it is held to.
package conformance

import (
	"context"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Harness tells the suite how to reach a driver.
type Harness[D ports.Driver] struct {
	// Backend names what stands behind the driver, with its version and topology ("redis 7.0.15 cluster").
	Backend string
	// Open gives a new client on namespace. Namespaces share nothing; two clients on one namespace share their data. The
	// suite closes what it opened. A namespace has lower-case letters, digits and "-", and is fresh for each case: a
	// driver maps it to a prefix, a tenant or a database, never to a flush of the server.
	Open func(ctx context.Context, namespace string) (D, error)
	// Timing of the zero value suits a backend on the same machine.
	Timing Timing
	// Faults cuts the backend off; nil = the clauses that need it are reported as not exercised.
	Faults *Faults
}

// The harness of each port.
type (
	// KeyValueHarness is what the KeyValue cases need.
	KeyValueHarness = Harness[ports.KeyValue]
	// StreamHarness is what the Stream cases need.
	StreamHarness = Harness[ports.Stream]
	// BrokerHarness is what the Broker cases need.
	BrokerHarness = Harness[ports.Broker]
	// OrchestratorHarness is what the Orchestrator cases need.
	OrchestratorHarness = Harness[ports.Orchestrator]
	// MonitorHarness is what the Monitor cases need.
	MonitorHarness = Harness[ports.Monitor]
)

// Timing widens the suite's patience; no value makes a case easier to pass.
type Timing struct {
	// Quiet is how long the suite watches for what must not come; 0 = 100 ms.
	Quiet time.Duration
	// Slack is added to every bound that a driver declares, and bounds what has none; 0 = 2 s.
	Slack time.Duration
	// CaseDeadline ends a case as hung; 0 = 60 s.
	CaseDeadline time.Duration
}

func (t Timing) withDefaults() Timing {
	if t.Quiet == 0 {
		t.Quiet = 100 * time.Millisecond
	}
	if t.Slack == 0 {
		t.Slack = 2 * time.Second
	}
	if t.CaseDeadline == 0 {
		t.CaseDeadline = time.Minute
	}
	return t
}

// Faults switches a namespace's backend.
type Faults struct {
	// Cut makes every call of the namespace's clients fail as if the backend had died; Heal undoes it.
	Cut, Heal func(ctx context.Context, namespace string) error
}
