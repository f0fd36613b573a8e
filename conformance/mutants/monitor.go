package mutants

import "github.com/breakwater-go/breakwater/ports"

// Monitor lists the broken Monitor drivers.
func Monitor() []Mutant[ports.Monitor] { return nil }
