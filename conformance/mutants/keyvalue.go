package mutants

import "github.com/breakwater-go/breakwater/ports"

// KeyValue lists the broken KeyValue drivers.
func KeyValue() []Mutant[ports.KeyValue] { return nil }
