package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
)

func TestMatrixShowsEveryReport(t *testing.T) {
	folder := t.TempDir()
	for name, r := range map[string]conformance.Report{
		"memory-local-stream.json": {Port: "stream", Driver: "memory", Backend: "in process", Results: []conformance.Result{
			{ID: "stream/a", Clauses: []string{"ST-001"}, Outcome: conformance.Pass}}},
		"memory-local-keyvalue.json": {Port: "keyvalue", Driver: "memory", Backend: "in process", SuiteVersion: "abc", ContractVersion: "0.1.0",
			Capabilities: map[string]bool{"ttl": true}, Results: []conformance.Result{
				{ID: "keyvalue/a", Clauses: []string{"KV-001", "KV-002"}, Outcome: conformance.Pass},
				{ID: "keyvalue/b", Clauses: []string{"KV-003"}, Outcome: conformance.Pass}}},
		"redis-cluster-keyvalue.json": {Port: "keyvalue", Driver: "redis", Results: []conformance.Result{
			{ID: "keyvalue/a", Clauses: []string{"KV-001", "KV-002"}, Outcome: conformance.Hang},
			{ID: "keyvalue/b", Clauses: []string{"KV-003"}, Outcome: conformance.NotDeclared}}},
	} {
		if err := r.WriteFile(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, matrix))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| keyvalue | memory-local | in process | abc | 0.1.0 | 2 | 0 | 0 | 0 | 0 | 0 |",
		"| keyvalue | redis-cluster |  |  |  | 0 | 0 | 1 | 0 | 1 | 0 |",
		"| case | clauses | memory-local | redis-cluster |",
		"| a | KV-001 KV-002 | pass | hang |",
		"| b | KV-003 | pass | not-declared |",
		"Capabilities of memory-local: `{\"ttl\":true}`",
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("the matrix lacks the line %s", line)
		}
	}
	if kv, st := strings.Index(string(text), "## keyvalue"), strings.Index(string(text), "## stream"); kv < 0 || st < kv {
		t.Error("the ports are not in their usual order")
	}
}

func TestMatrixRefusesWhatItCannotName(t *testing.T) {
	folder := t.TempDir()
	if err := run(folder); err == nil || !strings.Contains(err.Error(), "no reports") {
		t.Errorf("an empty folder gave %v", err)
	}
	r := conformance.Report{Port: "stream", Driver: "memory"}
	if err := r.WriteFile(filepath.Join(folder, "memory-local-keyvalue.json")); err != nil {
		t.Fatal(err)
	}
	if err := run(folder); err == nil || !strings.Contains(err.Error(), `"stream"`) {
		t.Errorf("a report under another port's name gave %v", err)
	}
}
