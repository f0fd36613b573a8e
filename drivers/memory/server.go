// Package memory holds drivers for all five ports without any backend: the reference that every other driver is
// measured against, and what tests and local runs use. State lives in a [Server] and ends with the program.
//
// The drivers work inside testing/synctest bubbles: create the Server inside the bubble, and timers, leases, TTLs and
// processes run on the bubble's clock.
package memory

import (
	"context"
	"log/slog"
)

const driverName = "memory"

// ServerOptions of the zero value are a silent server without faults.
type ServerOptions struct {
	// Logger gets what deserves attention; nil = silent.
	Logger *slog.Logger
	// RetainUnclaimed is how many messages a topic keeps, the newest ones, while no group exists that could get them; a
	// first group that starts FromStart gets them. 0 = DefaultRetainUnclaimed, negative = none. What groups have not
	// settled is kept without limit, and what they all have settled is not kept.
	RetainUnclaimed int
}

// Server is the backend in the process: clients made on the same Server share their data, as clients of one Redis do.
type Server struct {
	log    *slog.Logger
	faults Faults

	keyValues *keyValueStore
	streams   *streamStore
	topics    *topicStore
	runs      *runStore
}

// NewServer makes an empty server. It owns no goroutine while nobody uses it.
func NewServer(o ServerOptions) *Server {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		log:       log,
		keyValues: newKeyValueStore(),
		streams:   newStreamStore(),
		topics:    newTopicStore(o.RetainUnclaimed),
		runs:      newRunStore(log),
	}
}

// Faults switches the server's failures, while it runs.
func (s *Server) Faults() *Faults { return &s.faults }

// orNew lets a constructor take nil for a server of its own.
func orNew(s *Server) *Server {
	if s == nil {
		return NewServer(ServerOptions{})
	}
	return s
}

// gate is what every call passes first: the caller's context, the client's end, the port's faults.
func (s *Server) gate(ctx context.Context, p Port, op string) error {
	return s.faults.gate(ctx, p, op)
}
