// Package memoryfx offers the memory drivers to package choose, under the name "memory":
//
//	choose.Options(vars, choose.Config{Env: "local"}, map[string]choose.Module{"memory": memoryfx.Module(memoryfx.Config{})})
//
// All ports share one [memory.Server], which stands in the graph too, so that tests reach its Faults. The emergency store
// has a server of its own, named [FallbackServerName] there, and so has the volatile KeyValue: they do not fail with the
// first, and share nothing with it.
//
// Without fx: memory.NewServer, and memory.NewKeyValue and its like on it.
package memoryfx

import (
	"go.uber.org/fx"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
)

// Config are the driver's fields, as BREAKWATER_MEMORY_<FIELD>. The zero value is the driver's own defaults.
type Config struct {
	// RetainUnclaimed (BREAKWATER_MEMORY_RETAIN_UNCLAIMED) is how many messages a topic keeps for a first group that
	// starts at the oldest; 0 = the driver's default, negative = none.
	RetainUnclaimed int
}

// Module of the memory drivers: every role.
func Module(defaults Config) choose.Module {
	return choose.Module{
		Roles: []choose.Role{choose.KeyValue, choose.Stream, choose.Broker, choose.Fallback, choose.Orchestrator, choose.Volatile},
		Provide: func(s choose.Selection) (fx.Option, error) {
			cfg := defaults
			if err := s.Decode(&cfg); err != nil {
				return nil, err
			}
			newServer := func(log choose.Logging, name string) *memory.Server {
				return memory.NewServer(memory.ServerOptions{Logger: log.Slog(name), RetainUnclaimed: cfg.RetainUnclaimed})
			}
			return fx.Options(
				fx.Provide(
					func(log choose.Logging) *memory.Server { return newServer(log, "memory") },
					fx.Annotate(func(log choose.Logging) *memory.Server { return newServer(log, "memory.fallback") }, fx.ResultTags(`name:"`+FallbackServerName+`"`)),
				),
				s.As(choose.KeyValue, closing(memory.NewKeyValue)),
				s.As(choose.Stream, closing(memory.NewStream)),
				s.As(choose.Broker, closing(memory.NewBroker)),
				s.As(choose.Orchestrator, closing(memory.NewOrchestrator)),
				s.As(choose.Fallback, func(p fallbackParams) *memory.Broker { return closing(memory.NewBroker)(p.Lifecycle, p.Server) }),
				s.As(choose.Volatile, func(lc fx.Lifecycle, log choose.Logging) *memory.KeyValue {
					return closing(memory.NewKeyValue)(lc, newServer(log, "memory.volatile"))
				}),
				monitored(s),
			), nil
		},
	}
}

// FallbackServerName is the fx name of the emergency store's own *memory.Server.
const FallbackServerName = "breakwater.memory.fallback"

type fallbackParams struct {
	fx.In
	fx.Lifecycle
	Server *memory.Server `name:"breakwater.memory.fallback"`
}

// monitored shows the server, and the fallback's as one that can be missed.
func monitored(s choose.Selection) fx.Option {
	newMonitor := closing(memory.NewMonitor)
	server := choose.AsMonitored(func(lc fx.Lifecycle, srv *memory.Server) choose.Monitored {
		return choose.Monitored{Name: "memory", Monitor: newMonitor(lc, srv), Optional: s.Optional()}
	})
	if !s.Has(choose.Fallback) {
		return server
	}
	return fx.Options(server, choose.AsMonitored(func(p fallbackParams) choose.Monitored {
		return choose.Monitored{Name: "memory.fallback", Monitor: newMonitor(p.Lifecycle, p.Server), Optional: true}
	}))
}

// closing is the constructor of a client that is closed when the application stops.
func closing[C choose.Closer](newClient func(*memory.Server) C) func(fx.Lifecycle, *memory.Server) C {
	return func(lc fx.Lifecycle, srv *memory.Server) C {
		c := newClient(srv)
		choose.CloseOnStop(lc, c)
		return c
	}
}
