package conformance

import "github.com/breakwater-go/breakwater/ports"

func brokerCases() []testCase[ports.Broker] { return nil }
