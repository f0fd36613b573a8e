// Package corefx builds Breakwater's core in an fx graph, on the ports that package choose puts there or that the
// application provides itself:
//
//	fx.New(chosen, corefx.Module(corefx.Config{Service: "booking"}), corefx.Definitions(newProcesses), fx.Invoke(listen))
//
// It provides a [*messaging.Client], which starts with the application once every fx.Invoke has put its handlers on it, a
// [*cache.Cache], and a [*monitoring.Group] over the chosen drivers and the client, whose Handler the application serves where it likes;
// and it runs workers for the processes and steps of [Definitions]. An application without messages needs no broker, and
// one without processes no orchestrator.
//
// When the application stops, the workers drain first, while the client still sends for their steps; then the client
// drains; then the drivers close. Each takes its share of fx's one budget ([choose.Share]), so that one that hangs does
// not take the others' turn.
//
// Without fx: messaging.New, cache.New, monitoring.New, process.NewWorkers.
package corefx

import (
	"cmp"
	"context"
	"slices"

	"go.uber.org/fx"

	"github.com/breakwater-go/breakwater/core/cache"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
	"github.com/breakwater-go/breakwater/ports"
)

// DefinitionGroup is the fx group of the process definitions that the workers run.
const DefinitionGroup = "breakwater.definitions"

// Config says what the graph cannot know; Service is required. What the configurations below leave open, the graph fills
// in: ports, names, loggers, definitions. What they set stays.
type Config struct {
	// Service names this application: in envelopes, and as the default group of its handlers.
	Service   string
	Messaging messaging.Config
	Cache     cache.Config
	Workers   process.WorkersConfig
	// Monitoring's own Backends and Sources come beside the graph's.
	Monitoring monitoring.Config
}

// Module provides core.
func Module(c Config) fx.Option {
	return fx.Module("core",
		fx.Supply(c, fx.Private),
		fx.Provide(newClient, newCache, newMonitoring),
		fx.Invoke(runWorkers),
	)
}

// Definitions runs processes and steps: constructor takes what it needs from the graph and returns
// []process.Definition, and an error if it can fail.
func Definitions(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(`group:"`+DefinitionGroup+`,flatten"`)))
}

type clientParams struct {
	fx.In
	Config       Config
	Log          choose.Logging
	Broker       ports.Broker
	Fallback     ports.EmergencyStore `optional:"true"`
	KeyValue     ports.KeyValue       `optional:"true"`
	Orchestrator ports.Orchestrator   `optional:"true"`
}

func newClient(lc fx.Lifecycle, p clientParams) (*messaging.Client, error) {
	c := p.Config.Messaging
	c.Service = cmp.Or(c.Service, p.Config.Service)
	c.Primary = cmp.Or(c.Primary, p.Broker)
	c.Fallback = cmp.Or(c.Fallback, p.Fallback)
	c.KeyValue = cmp.Or(c.KeyValue, p.KeyValue)
	c.Orchestrator = cmp.Or(c.Orchestrator, p.Orchestrator)
	c.Logger = cmp.Or(c.Logger, p.Log.Slog("messaging"))
	client, err := messaging.New(c)
	if err != nil {
		return nil, err
	}
	lc.Append(bounded(client.Start, client.Close))
	return client, nil
}

type cacheParams struct {
	fx.In
	Config   Config
	Log      choose.Logging
	KeyValue ports.KeyValue
	Volatile ports.KeyValue `name:"breakwater.volatile" optional:"true"`
}

func newCache(p cacheParams) (*cache.Cache, error) {
	c := p.Config.Cache
	c.Service = cmp.Or(c.Service, p.Config.Service)
	c.KeyValue = cmp.Or(c.KeyValue, p.KeyValue)
	c.Volatile = cmp.Or(c.Volatile, p.Volatile)
	c.Logger = cmp.Or(c.Logger, p.Log.Slog("cache"))
	return cache.New(c)
}

type monitoringParams struct {
	fx.In
	Config   Config
	Log      choose.Logging
	Backends []choose.Monitored `group:"breakwater.monitors"`
	Client   *messaging.Client  `optional:"true"`
}

func newMonitoring(lc fx.Lifecycle, p monitoringParams) (*monitoring.Group, error) {
	c := p.Config.Monitoring
	c.Backends = slices.Clone(c.Backends)
	for _, b := range p.Backends {
		c.Backends = append(c.Backends, monitoring.Backend{Name: b.Name, Monitor: b.Monitor, Optional: b.Optional})
	}
	if p.Client != nil {
		c.Sources = append(slices.Clone(c.Sources), figures(p.Client))
	}
	c.Logger = cmp.Or(c.Logger, p.Log.Slog("monitoring"))
	group, err := monitoring.New(c)
	if err != nil {
		return nil, err
	}
	choose.CloseOnStop(lc, group)
	return group, nil
}

type workerParams struct {
	fx.In
	Config       Config
	Log          choose.Logging
	Orchestrator ports.Orchestrator   `optional:"true"`
	Definitions  []process.Definition `group:"breakwater.definitions"`
	// Client is not used: the workers come after it, so that it closes after them.
	Client *messaging.Client `optional:"true"`
}

// runWorkers starts the workers with the application, where there is something to run.
func runWorkers(lc fx.Lifecycle, p workerParams) error {
	c := p.Config.Workers
	c.Definitions = slices.Concat(c.Definitions, p.Definitions)
	if len(c.Definitions) == 0 {
		return nil
	}
	c.Orchestrator = cmp.Or(c.Orchestrator, p.Orchestrator)
	c.Logger = cmp.Or(c.Logger, p.Log.Slog("process"))
	workers, err := process.NewWorkers(c)
	if err != nil {
		return err
	}
	lc.Append(bounded(workers.Start, workers.Drain))
	return nil
}

// bounded are hooks that leave a part of the common budget to those that follow.
func bounded(start, stop func(context.Context) error) fx.Hook {
	within := func(hook func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			ctx, cancel := choose.Share(ctx)
			defer cancel()
			return hook(ctx)
		}
	}
	return fx.Hook{OnStart: within(start), OnStop: within(stop)}
}
