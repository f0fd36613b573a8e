package conformance

import "github.com/breakwater-go/breakwater/ports"

func keyValueCases() []testCase[ports.KeyValue] { return nil }
