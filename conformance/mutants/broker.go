package mutants

import (
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

type brokerMutant = Mutant[ports.Broker]

// Broker lists the broken Broker drivers.
func Broker() []brokerMutant {
	return slices.Concat(brokerPublishMutants(), brokerSubscribeMutants(), brokerReceiveMutants(), brokerSettleMutants(),
		brokerLeaseMutants(), brokerStrategyMutants(), brokerOrderMutants(), brokerDelayMutants(), brokerLifeMutants(),
		brokerEmergencyMutants())
}

// brokerCase are the ids of cases of the Broker port.
func brokerCase(names ...string) []string {
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = "broker/" + name
	}
	return ids
}
