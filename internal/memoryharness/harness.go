// Package memoryharness connects the conformance suite with the memory drivers, for every test that runs it there: the
// drivers' own, those of decorators around them, and those of the mutants.
package memoryharness

import (
	"context"
	"sync"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// Backend is what reports say of the memory drivers; Topology is its part of a report's file name.
const (
	Backend  = "in process"
	Topology = "local"
)

// Servers gives each namespace a server of its own. The zero value is ready, and safe for concurrent use.
type Servers struct {
	mu    sync.Mutex
	known map[string]*memory.Server
}

// Of is the namespace's server, made on first use.
func (s *Servers) Of(namespace string) *memory.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]*memory.Server{}
	}
	srv, ok := s.known[namespace]
	if !ok {
		srv = memory.NewServer(memory.ServerOptions{})
		s.known[namespace] = srv
	}
	return srv
}

// New is a harness whose clients are made by open, and whose faults hit the named ports. Make it inside the synctest
// bubble that runs it, if there is one.
func New[D ports.Driver](open func(*memory.Server) D, hit ...memory.Port) conformance.Harness[D] {
	servers := &Servers{}
	set := func(down bool) func(context.Context, string) error {
		return func(_ context.Context, namespace string) error {
			for _, p := range hit {
				servers.Of(namespace).Faults().SetUnavailable(p, down)
			}
			return nil
		}
	}
	return conformance.Harness[D]{
		Backend: Backend,
		Open: func(_ context.Context, namespace string) (D, error) {
			return open(servers.Of(namespace)), nil
		},
		Faults: &conformance.Faults{Cut: set(true), Heal: set(false)},
	}
}
