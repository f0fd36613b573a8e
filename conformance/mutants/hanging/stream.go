package hanging

import (
	"context"
	"errors"

	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/ports"
)

// Stream lists the Stream drivers that spin.
func Stream() []mutants.Mutant[ports.Stream] {
	return []mutants.Mutant[ports.Stream]{
		{Name: "hot-loop-on-missing-group", Clauses: []string{"ST-032", "ST-045"},
			Kills: []string{"stream/missing-group", "stream/group-deleted-under-reader"},
			Wrap:  func(d ports.Stream) ports.Stream { return hotLoop{d} }},
	}
}

// hotLoop takes a group that is gone for one that is about to come.
type hotLoop struct{ ports.Stream }

func (m hotLoop) ReadGroup(ctx context.Context, group, consumer string, o ports.ReadOptions, streams ...string) ([]ports.Entry, error) {
	for {
		got, err := m.Stream.ReadGroup(ctx, group, consumer, o, streams...)
		if !errors.Is(err, ports.ErrNotFound) {
			return got, err
		}
	}
}
