package main

import (
	"context"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
	"github.com/breakwater-go/breakwater/fxmodules/corefx"
	"github.com/breakwater-go/breakwater/fxmodules/memoryfx"
	"github.com/breakwater-go/breakwater/ports"
)

// drivers are those that this program links. A real one is a line more here.
func drivers() map[string]choose.Module {
	return map[string]choose.Module{
		"memory": memoryfx.Module(memoryfx.Config{}),
	}
}

// appOptions are the application: what the environment chooses, core, and the booking on it. vars are the environment's
// variables; without any, everything runs in memory.
func appOptions(vars map[string]string, run string, tracker *Tracker, log *zap.Logger) (fx.Option, error) {
	chosen, err := choose.Options(vars, choose.Config{
		Env:   "local",
		Needs: []choose.Role{choose.KeyValue, choose.Broker, choose.Orchestrator},
	}, drivers())
	if err != nil {
		return nil, err
	}
	return fx.Options(
		chosen,
		fx.Supply(log, tracker, runTag(run)),
		corefx.Module(corefx.Config{Service: service}),
		corefx.Definitions(func(s *Steps, w *Workflow) []process.Definition { return append(s.definitions(), w) }),
		fx.Provide(NewPartners, NewSteps, NewWorkflow),
		fx.Invoke(startProcesses, countOutcomes),
	), nil
}

type runTag string

// startProcesses begins a process for every request, once however often its message comes.
func startProcesses(client *messaging.Client, w *Workflow) error {
	_, err := messaging.OnEvent(client, requestsTopic, w, messaging.EventOptions{
		ID: func(m *ports.Message) string { return m.ID },
	})
	return err
}

// countOutcomes listens in a group of this run's own, so that no other run takes its outcomes; those of others it ignores.
func countOutcomes(client *messaging.Client, tracker *Tracker, run runTag, log *zap.Logger) error {
	_, err := messaging.On(client, outcomesTopic, func(_ context.Context, o Outcome, _ messaging.Meta) error {
		if o.Run == string(run) && !tracker.Settle(o.Key, o.Result) {
			log.Warn("outcome of a request that was not sent", zap.String("key", o.Key))
		}
		return nil
	}, messaging.HandlerOptions{Group: service + "-" + string(run)})
	return err
}
