package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/contract"
)

var (
	keyValueSuite = suite[ports.KeyValue]{port: "keyvalue", cases: keyValueCases(),
		capabilities: func(d ports.KeyValue) any { return d.KeyValueCapabilities() }}
	streamSuite = suite[ports.Stream]{port: "stream", cases: streamCases(),
		capabilities: func(d ports.Stream) any { return d.StreamCapabilities() }}
	brokerSuite       = suite[ports.Broker]{port: "broker", cases: brokerCases(), capabilities: brokerCapabilities}
	orchestratorSuite = suite[ports.Orchestrator]{port: "orchestrator", cases: orchestratorCases(),
		capabilities: func(d ports.Orchestrator) any { return d.OrchestratorCapabilities() }}
	monitorSuite = suite[ports.Monitor]{port: "monitor", cases: monitorCases(),
		capabilities: func(ports.Monitor) any { return struct{}{} }}
)

func brokerCapabilities(d ports.Broker) any {
	all := map[string]ports.BrokerCapabilities{}
	for _, s := range ports.Strategies {
		all[s.String()] = d.BrokerCapabilities(s)
	}
	return all
}

// RunKeyValue runs the KeyValue cases as subtests and returns the report.
func RunKeyValue(t *testing.T, h KeyValueHarness) Report { t.Helper(); return keyValueSuite.runT(t, h) }

// CheckKeyValue runs the KeyValue cases outside of go test.
func CheckKeyValue(ctx context.Context, h KeyValueHarness) Report { return keyValueSuite.check(ctx, h) }

// RunStream runs the Stream cases as subtests and returns the report.
func RunStream(t *testing.T, h StreamHarness) Report { t.Helper(); return streamSuite.runT(t, h) }

// CheckStream runs the Stream cases outside of go test.
func CheckStream(ctx context.Context, h StreamHarness) Report { return streamSuite.check(ctx, h) }

// RunBroker runs the Broker cases, and those of an EmergencyStore if the driver has one, as subtests and returns the
// report.
func RunBroker(t *testing.T, h BrokerHarness) Report { t.Helper(); return brokerSuite.runT(t, h) }

// CheckBroker runs the Broker cases outside of go test.
func CheckBroker(ctx context.Context, h BrokerHarness) Report { return brokerSuite.check(ctx, h) }

// RunOrchestrator runs the Orchestrator cases as subtests and returns the report.
func RunOrchestrator(t *testing.T, h OrchestratorHarness) Report {
	t.Helper()
	return orchestratorSuite.runT(t, h)
}

// CheckOrchestrator runs the Orchestrator cases outside of go test.
func CheckOrchestrator(ctx context.Context, h OrchestratorHarness) Report {
	return orchestratorSuite.check(ctx, h)
}

// RunMonitor runs the Monitor cases as subtests and returns the report.
func RunMonitor(t *testing.T, h MonitorHarness) Report { t.Helper(); return monitorSuite.runT(t, h) }

// CheckMonitor runs the Monitor cases outside of go test.
func CheckMonitor(ctx context.Context, h MonitorHarness) Report { return monitorSuite.check(ctx, h) }

// CaseInfo tells which clauses a case holds.
type CaseInfo struct {
	ID      string
	Clauses []string
	// Capability that the case needs; "" = core.
	Capability string
}

// Cases lists every case of every port, in the order in which they run.
func Cases() []CaseInfo {
	return slices.Concat(infos(keyValueSuite), infos(streamSuite), infos(brokerSuite), infos(orchestratorSuite), infos(monitorSuite))
}

func infos[D ports.Driver](s suite[D]) []CaseInfo {
	all := make([]CaseInfo, len(s.cases))
	for i, c := range s.cases {
		all[i] = CaseInfo{ID: c.id, Clauses: c.clauses, Capability: c.needs.name}
	}
	return all
}

// SuiteVersion is a hash over all clause and case ids: reports of different versions are not comparable.
func SuiteVersion() string {
	h := sha256.New()
	clauses, _ := contract.Clauses() // embedded here and tested there
	for _, c := range clauses {
		h.Write(fmt.Appendln(nil, c.ID, c.Capability, c.Pending))
	}
	for _, c := range Cases() {
		h.Write(fmt.Appendln(nil, c.ID, strings.Join(c.Clauses, ","), c.Capability)) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
