package mutants

import "github.com/breakwater-go/breakwater/ports"

// Stream lists the broken Stream drivers.
func Stream() []Mutant[ports.Stream] { return nil }
