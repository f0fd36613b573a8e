package mutants

import (
	"slices"

	"github.com/breakwater-go/breakwater/ports"
)

type streamMutant = Mutant[ports.Stream]

// Stream lists the broken Stream drivers.
func Stream() []streamMutant {
	return slices.Concat(streamEntryMutants(), streamReadMutants(), streamGroupMutants(), streamPendingMutants(), streamEndMutants())
}

// breakStream fits a decorator's constructor into a mutant.
func breakStream[M ports.Stream](broken func(ports.Stream) M) func(ports.Stream) ports.Stream {
	return func(d ports.Stream) ports.Stream { return broken(d) }
}

// streamCase are the ids of cases of the Stream port.
func streamCase(names ...string) []string {
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = "stream/" + name
	}
	return ids
}
