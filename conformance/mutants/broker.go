package mutants

import "github.com/breakwater-go/breakwater/ports"

// Broker lists the broken Broker drivers.
func Broker() []Mutant[ports.Broker] { return nil }
