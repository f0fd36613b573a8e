package memory_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/internal/memoryharness"
	"github.com/breakwater-go/breakwater/ports"
)

var reportsDir = flag.String("conformance.reports", "", "write conformance reports to this `folder`")

// testConformance holds a memory driver to the contract, on the real clock and again on a synctest bubble's. The faults
// of hit are the port's own.
func testConformance[D ports.Driver](t *testing.T, open func(*memory.Server) D,
	run func(*testing.T, conformance.Harness[D]) conformance.Report,
	check func(context.Context, conformance.Harness[D]) conformance.Report, hit ...memory.Port) {
	t.Helper()
	t.Run("clock", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the real clock takes its time; with -short the bubble's has to do")
		}
		saveReport(t, run(t, memoryharness.New(open, hit...)))
	})
	t.Run("bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := check(t.Context(), memoryharness.New(open, hit...))
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			mustExerciseAll(t, r)
		})
	})
}

// saveReport writes a whole report to the folder of -conformance.reports; what -run picked out of it is none.
func saveReport(t *testing.T, r conformance.Report) {
	t.Helper()
	mustExerciseAll(t, r)
	if *reportsDir == "" || len(r.Results) != casesOf(r.Port) {
		return
	}
	if err := os.MkdirAll(*reportsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%s-%s-%s.json", r.Driver, memoryharness.Topology, r.Port)
	if err := r.WriteFile(filepath.Join(*reportsDir, name)); err != nil {
		t.Error(err)
	}
}

// mustExerciseAll: memory is the reference, so that nothing may be left out.
func mustExerciseAll(t *testing.T, r conformance.Report) {
	t.Helper()
	for _, res := range r.Results {
		if res.Outcome == conformance.NotExercised {
			t.Errorf("%s: not exercised: %s", res.ID, res.Detail)
		}
	}
}

func casesOf(port string) int {
	n := 0
	for _, c := range conformance.Cases() {
		if strings.HasPrefix(c.ID, port+"/") {
			n++
		}
	}
	return n
}
