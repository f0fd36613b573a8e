package mutants

import (
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

// Orchestrator lists the broken Orchestrator drivers.
func Orchestrator() []Mutant[ports.Orchestrator] {
	return slices.Concat(orStartMutants(), orPayloadMutants(), orErrorMutants(), orRunMutants(), orStepMutants(),
		orProcessMutants(), orSignalMutants(), orCancelMutants(), orChildMutants(), orWorkerMutants(), orLifeMutants())
}
