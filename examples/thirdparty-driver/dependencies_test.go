package boltkv_test

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const breakwater = "github.com/breakwater-go/breakwater"

// TestInheritsNothing: a driver links its own store and package ports; its tests add the suite. What else Breakwater's
// go.mod lists (fx, Prometheus, OpenTelemetry …) is neither built nor downloaded here: go.sum does not even name it.
func TestInheritsNothing(t *testing.T) {
	driver := []string{"example.com/boltkv", "go.etcd.io/bbolt", "golang.org/x/sys", breakwater}
	for _, c := range []struct {
		name               string
		flags              []string
		modules, inherited []string
	}{
		{"driver", nil, driver, []string{breakwater + "/ports"}},
		{"with its tests", []string{"-test"}, driver,
			[]string{breakwater + "/conformance", breakwater + "/ports", breakwater + "/ports/contract"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			modules, inherited := map[string]bool{}, map[string]bool{}
			for _, line := range goList(t, append(c.flags, "-deps", "-f", "{{if .Module}}{{.Module.Path}} {{.ImportPath}}{{end}}", ".")...) {
				module, pkg, _ := strings.Cut(line, " ")
				modules[module] = true
				if pkg, _, _ = strings.Cut(pkg, " "); module == breakwater { // "p [q.test]" is p, built for q's test
					inherited[pkg] = true
				}
			}
			same(t, "modules", modules, c.modules)
			same(t, "Breakwater's packages", inherited, c.inherited)
		})
	}
}

// TestGraphIsPruned: Breakwater's requirements stand in the module graph, which only resolves versions, and their own
// requirements do not.
func TestGraphIsPruned(t *testing.T) {
	graph := goList(t, "-m", "-f", "{{.Path}}", "all")
	if !slices.Contains(graph, "go.uber.org/fx") {
		t.Skip("Breakwater's go.mod does not list fx, so that there is nothing to prune")
	}
	out, err := exec.Command("go", "mod", "why", "-m", "go.uber.org/fx").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "main module does not need module") {
		t.Errorf("go mod why -m go.uber.org/fx: %v\n%s", err, out)
	}
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func same(t *testing.T, what string, got map[string]bool, want []string) {
	t.Helper()
	delete(got, "")
	names := slices.Sorted(maps.Keys(got))
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("%s: %v; want %v", what, names, want)
	}
}
