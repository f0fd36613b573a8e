package mutants

import "github.com/breakwater-go/breakwater/ports"

// Orchestrator lists the broken Orchestrator drivers.
func Orchestrator() []Mutant[ports.Orchestrator] { return nil }
