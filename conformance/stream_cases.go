package conformance

import "github.com/breakwater-go/breakwater/ports"

func streamCases() []testCase[ports.Stream] { return nil }
