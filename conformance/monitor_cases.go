package conformance

import "github.com/breakwater-go/breakwater/ports"

func monitorCases() []testCase[ports.Monitor] { return nil }
