package breakwater_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/breakwater-go/breakwater/"

// rule says what the packages under a tree may import, beyond the standard library.
type rule struct {
	tree   string
	except []string
	// own packages, as prefixes below the module's path
	own []string
	// foreign modules that may be imported directly
	foreign []string
}

// The architecture: ports at the bottom, core and drivers on them and never on each other.
var rules = []rule{
	{tree: "ports", own: []string{"ports"}},
	{tree: "conformance", except: []string{"conformance/resilience", "conformance/mutants", "conformance/reports"},
		own: []string{"ports", "conformance"}},
	{tree: "core", own: []string{"core", "ports"}, foreign: []string{"github.com/failsafe-go/failsafe-go",
		"go.opentelemetry.io/otel", "github.com/google/uuid", "golang.org/x/sync"}},
	{tree: "drivers/memory", own: []string{"ports"}},
	{tree: "drivers/redis", own: []string{"ports"}, foreign: []string{"github.com/redis/rueidis"}},
}

// extra is what a single package may import beyond its tree's rule.
var extra = map[string][]string{"core/monitoring": {"github.com/prometheus/client_golang"}}

func TestImportsFollowTheArchitecture(t *testing.T) {
	for _, r := range rules {
		packages := list(t, "{{.ImportPath}} {{join .Imports \" \"}}", "./"+r.tree+"/...")
		for _, line := range packages {
			imports := strings.Fields(line)
			pkg := strings.TrimPrefix(imports[0], module)
			if slices.ContainsFunc(r.except, func(p string) bool { return within(pkg, p) }) {
				continue
			}
			for _, imp := range imports[1:] {
				if !r.allows(imp) && !slices.ContainsFunc(extra[pkg], func(p string) bool { return within(imp, p) }) {
					t.Errorf("%s imports %s; valid there: the standard library, own %v, foreign %v", pkg, imp, r.own, r.foreign)
				}
			}
		}
	}
}

// TestDriversAreNotLinkedByCore holds the promise to applications: they link only the drivers that they name.
func TestDriversAreNotLinkedByCore(t *testing.T) {
	for _, tree := range []string{"./ports/...", "./core/...", "./conformance"} {
		for _, dep := range list(t, "{{.ImportPath}}", "-deps", tree) {
			if strings.HasPrefix(dep, module+"drivers/") {
				t.Errorf("%s depends on %s", tree, dep)
			}
		}
	}
}

// TestPortsAndSuiteBringNothing holds the promise to writers of drivers: no module comes with ports or the suite.
func TestPortsAndSuiteBringNothing(t *testing.T) {
	for _, tree := range []string{"./ports/...", "./conformance"} {
		for _, dep := range list(t, "{{if not .Standard}}{{.ImportPath}}{{end}}", "-deps", tree) {
			if dep != "" && !strings.HasPrefix(dep, module) {
				t.Errorf("%s brings %s", tree, dep)
			}
		}
	}
}

func (r rule) allows(imp string) bool {
	if own, ok := strings.CutPrefix(imp, module); ok {
		return slices.ContainsFunc(r.own, func(p string) bool { return within(own, p) })
	}
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".") || slices.ContainsFunc(r.foreign, func(p string) bool { return within(imp, p) })
}

func within(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }

func list(t *testing.T, format string, args ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-f", format}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
