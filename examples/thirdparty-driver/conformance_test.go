package boltkv_test

import (
	"context"
	"path/filepath"
	"testing"

	"example.com/boltkv"
	"go.etcd.io/bbolt"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/ports"
)

// open makes a database that syncs each commit, as in production.
func open(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "test.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestConformance holds the driver to the contract. There are no Faults: the backend is in the process and cannot be cut
// off, so that the two clauses on outages are reported as not exercised, and no others.
func TestConformance(t *testing.T) {
	store := boltkv.New(open(t))
	report := conformance.RunKeyValue(t, conformance.KeyValueHarness{
		Backend: "bbolt 1.5.0",
		Open: func(_ context.Context, namespace string) (ports.KeyValue, error) {
			return store.Client(namespace), nil
		},
	})
	for _, r := range report.Results {
		if r.Outcome == conformance.NotExercised && r.Detail != "the harness has no Faults" {
			t.Errorf("%s was not exercised: %s", r.ID, r.Detail)
		}
	}
}
