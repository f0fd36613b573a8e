package resilience

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memoryHarness runs the primary on one memory server, and the emergency store on another.
func memoryHarness() Harness {
	type servers struct{ primary, fallback *memory.Server }
	var mu sync.Mutex
	all := map[string]servers{}
	return Harness{
		Backend: "memory",
		Open: func(_ context.Context, namespace string) (Pair, error) {
			mu.Lock()
			defer mu.Unlock()
			s, ok := all[namespace]
			if !ok {
				s = servers{memory.NewServer(memory.ServerOptions{}), memory.NewServer(memory.ServerOptions{})}
				all[namespace] = s
			}
			primary, store := memory.NewBroker(s.primary), memory.NewBroker(s.fallback)
			kv, orchestrator := memory.NewKeyValue(s.primary), memory.NewOrchestrator(s.primary)
			return Pair{Primary: primary, Store: store, KeyValue: kv, Orchestrator: orchestrator, Close: func(ctx context.Context) error {
				for _, d := range []ports.Driver{primary, store, kv, orchestrator} {
					if err := d.Close(ctx); err != nil {
						return err
					}
				}
				return nil
			}}, nil
		},
	}
}

func TestMemory(t *testing.T) {
	r := Run(t, memoryHarness())
	for _, res := range r.Results {
		if res.Outcome == conformance.NotExercised || res.Outcome == conformance.NotDeclared {
			t.Errorf("%s: %s", res.ID, res.Outcome)
		}
	}
}

func TestMemoryInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if err := Check(t.Context(), memoryHarness()).Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestMutants(t *testing.T) {
	for _, m := range allMutants() {
		t.Run(m.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := check(t.Context(), memoryHarness(), m, nil)
				judge := mutants.Mutant[ports.Broker]{Name: m.Name, Clauses: m.Clauses, Kills: m.Kills, AlsoFails: m.AlsoFails}
				if err := judge.Judge(r); err != nil {
					t.Error(err)
				}
				time.Sleep(3 * time.Hour) // what a mutant left behind ends
			})
		})
	}
}

// TestLedger holds the RS clauses, cases and mutants against each other.
func TestLedger(t *testing.T) {
	clauses, err := contract.Clauses()
	if err != nil {
		t.Fatal(err)
	}
	var held, broken []string
	ids := map[string]bool{}
	for _, c := range Cases() {
		held = append(held, c.Clauses...)
		if ids[c.ID] {
			t.Errorf("two cases with the id %s", c.ID)
		}
		ids[c.ID] = true
	}
	for _, m := range Mutants() {
		broken = append(broken, m.Clauses...)
		for _, id := range slices.Concat(m.Kills, m.AlsoFails) {
			if !ids[id] {
				t.Errorf("mutant %s names %s, which is no case", m.Name, id)
			}
		}
	}
	for _, c := range clauses {
		if !strings.HasPrefix(c.ID, "RS-") {
			continue
		}
		if !slices.Contains(held, c.ID) {
			t.Errorf("%s has no case", c.ID)
		}
		if !slices.Contains(broken, c.ID) && c.NoMutant == "" {
			t.Errorf("%s has no mutant", c.ID)
		}
	}
}
