package memory

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Ended runs are forgotten beyond a number and after a time, with their ids; open ones are not.
func TestEndedRunsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOrchestrator(nil)
		store := o.srv.runs
		store.keep = 2
		start := func(id string) ports.Run {
			run, err := o.Start(t.Context(), ports.StartRequest{Process: "p", ID: id, Queue: "q", Reuse: ports.ReuseNever})
			if err != nil {
				t.Fatal(err)
			}
			return run
		}
		start("open")
		for i := range 4 {
			if err := o.Terminate(t.Context(), start(fmt.Sprint(i)), "enough"); err != nil {
				t.Fatal(err)
			}
		}
		known := func(want ...string) {
			t.Helper()
			all, err := o.List(t.Context(), ports.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, d := range all {
				ids = append(ids, d.ID)
			}
			if fmt.Sprint(ids) != fmt.Sprint(want) || len(store.newest) != len(want) || len(store.byRunID) != len(want) {
				t.Errorf("known are %v, kept %d and %d; want %v", ids, len(store.newest), len(store.byRunID), want)
			}
		}
		known("3", "2", "open")
		if !start("3").Existing || start("0").Existing {
			t.Error("ReuseNever finds a forgotten id, or not a known one")
		}
		known("0", "3", "2", "open")
		time.Sleep(keptFor + time.Second)
		known("0", "open")
		if processes, steps := store.lack(); processes != 2 || steps != 0 {
			t.Errorf("%d processes and %d steps wait; want the two open runs: those that ended have left the queue", processes, steps)
		}
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
