package conformance

import "github.com/breakwater-go/breakwater/ports"

func orchestratorCases() []testCase[ports.Orchestrator] { return nil }
