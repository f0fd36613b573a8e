package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // lets DBOS keep its state in SQLite

	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/drivers/memory"
)

const atOnce = 64

// processBenchmarks run processes of one step each, 64 at once: start, and wait for the result. Ours are kept in memory
// and step through a task queue. DBOS keeps its state in an in-memory SQLite database with one connection, and runs the
// workflow in the process that starts it.
func processBenchmarks() []benchmark {
	return []benchmark{{
		name: "process-one-step", n: 4_000, peerName: "dbos v1.8.0 on in-memory sqlite",
		ours: ourProcesses, peer: dbosWorkflows, figures: []figure{perSecond},
	}}
}

// runProcesses runs processes 0 to n-1, atOnce of them at any time, and checks that each returned its number plus one.
func runProcesses(n int, runOne func(i int) (int, error)) error {
	errs := make([]error, atOnce)
	var next atomic.Int64
	var all sync.WaitGroup
	for w := range atOnce {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				got, err := runOne(i)
				if err == nil && got != i+1 {
					err = fmt.Errorf("process %d returned %d; want %d", i, got, i+1)
				}
				if err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// stepRuns counts, so that the benchmark can tell that every step ran once.
type stepRuns struct{ atomic.Int64 }

func (r *stepRuns) plusOne(_ context.Context, i int) (int, error) {
	r.Add(1)
	return i + 1, nil
}

func (r *stepRuns) check(_ context.Context, n int) error {
	if got := r.Load(); got != int64(n) {
		return fmt.Errorf("the step ran %d times; want %d", got, n)
	}
	return nil
}

func ourProcesses(ctx context.Context) (workload, error) {
	o := memory.NewOrchestrator(nil)
	var runs stepRuns
	step := process.NewStep("plus-one", runs.plusOne, process.StepOptions[int, int]{})
	p := process.New("one-step", func(c *process.Context, i int) (int, error) {
		return process.Execute(c, step, i)
	}, process.Options{})
	workers, err := process.NewWorkers(process.WorkersConfig{Orchestrator: o, Definitions: []process.Definition{step, p}})
	if err != nil {
		return workload{}, err
	}
	if err := workers.Start(ctx); err != nil {
		return workload{}, err
	}
	run := func(ctx context.Context, n int) error {
		return runProcesses(n, func(i int) (int, error) {
			h, err := process.Start(ctx, o, p, i, process.StartOptions{ID: strconv.Itoa(i)})
			if err != nil {
				return 0, err
			}
			return h.Get(ctx)
		})
	}
	return workload{run: run, check: runs.check, stop: func(ctx context.Context) error {
		return errors.Join(workers.Drain(ctx), o.Close(ctx))
	}}, nil
}

func dbosWorkflows(ctx context.Context) (workload, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return workload{}, err
	}
	db.SetMaxOpenConns(1)
	d, err := dbos.NewContext(ctx, dbos.Config{AppName: "bench", SQLiteSystemDB: db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return workload{}, errors.Join(err, db.Close())
	}
	var runs stepRuns
	workflow := func(c dbos.Context, i int) (int, error) {
		return dbos.RunAsStep(c, func(ctx context.Context) (int, error) { return runs.plusOne(ctx, i) })
	}
	dbos.RegisterWorkflow(d, workflow)
	if err := dbos.Launch(d); err != nil {
		return workload{}, errors.Join(err, db.Close())
	}
	run := func(_ context.Context, n int) error {
		return runProcesses(n, func(i int) (int, error) {
			h, err := dbos.RunWorkflow(d, workflow, i, dbos.WithWorkflowID(strconv.Itoa(i)))
			if err != nil {
				return 0, err
			}
			return h.GetResult()
		})
	}
	return workload{run: run, check: runs.check, stop: func(context.Context) error {
		return errors.Join(dbos.Shutdown(d, 10*time.Second), db.Close())
	}}, nil
}
