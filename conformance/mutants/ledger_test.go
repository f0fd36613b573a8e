package mutants_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/conformance/mutants/hanging"
	"github.com/breakwater-go/breakwater/ports/contract"
)

// The ledger: what is promised is tested, what is tested is promised, and each test was seen to fail.

// family is a file of the contract: the letters of its clauses, the name in front of its cases' ids, and how many clauses
// it has at least.
type family struct {
	letters, port string
	least         int
}

var families = []family{{"KV", "keyvalue", 25}, {"ST", "stream", 20}, {"BR", "broker", 30}, {"OR", "orchestrator", 25},
	{"MO", "monitor", 5}, {"RS", "resilience", 15}}

// oneReasonIn is how many clauses there must be for each one that has a reason in place of a mutant.
const oneReasonIn = 8

type ledger struct {
	clauses []contract.Clause
	cases   []conformance.CaseInfo
	mutants []mutants.Info
}

func openLedger(t *testing.T) ledger {
	t.Helper()
	clauses, err := contract.Clauses()
	if err != nil {
		t.Fatal(err)
	}
	return ledger{
		clauses: clauses,
		cases:   slices.Concat(conformance.Cases(), resilienceCases()),
		mutants: slices.Concat(mutants.All(), hanging.All(), resilienceMutants()),
	}
}

// owed are the clauses whose case is due.
func (l ledger) owed(letters string) []contract.Clause {
	return slices.DeleteFunc(slices.Clone(l.clauses), func(c contract.Clause) bool {
		return c.Pending || !strings.HasPrefix(c.ID, letters+"-")
	})
}

func (l ledger) clause(id string) (contract.Clause, bool) {
	i := slices.IndexFunc(l.clauses, func(c contract.Clause) bool { return c.ID == id })
	if i < 0 {
		return contract.Clause{}, false
	}
	return l.clauses[i], true
}

func TestLedgerClausesAreNumbered(t *testing.T) {
	l := openLedger(t)
	known := 0
	for _, f := range families {
		n := 0
		for _, c := range l.clauses {
			if !strings.HasPrefix(c.ID, f.letters+"-") {
				continue
			}
			n++
			if want := fmt.Sprintf("%s-%03d", f.letters, n); c.ID != want {
				t.Errorf("%s stands where %s is expected", c.ID, want)
			}
		}
		if n < f.least {
			t.Errorf("%s has %d clauses; at least %d are owed", f.port, n, f.least)
		}
		known += n
	}
	if known != len(l.clauses) {
		t.Errorf("%d clauses belong to no known port", len(l.clauses)-known)
	}
}

func TestLedgerEveryClauseHasACase(t *testing.T) {
	l := openLedger(t)
	for _, f := range families {
		t.Run(f.port, func(t *testing.T) {
			for _, c := range l.owed(f.letters) {
				if !slices.ContainsFunc(l.cases, func(info conformance.CaseInfo) bool { return holds(info, c) }) {
					t.Errorf("no case holds %s (%s): %s", c.ID, mark(c), c.Text)
				}
			}
		})
	}
}

// holds says whether a case owes the clause to everyone to whom the clause is owed.
func holds(info conformance.CaseInfo, c contract.Clause) bool {
	if !slices.Contains(info.Clauses, c.ID) {
		return false
	}
	if c.Core() {
		return info.Capability == ""
	}
	return slices.Contains(strings.Split(info.Capability, "+"), c.Capability)
}

func mark(c contract.Clause) string {
	if c.Core() {
		return "core"
	}
	return "capability " + c.Capability
}

func TestLedgerCasesHoldWhatIsPromised(t *testing.T) {
	l := openLedger(t)
	id := regexp.MustCompile(`^([a-z]+)/[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, info := range l.cases {
		m := id.FindStringSubmatch(info.ID)
		if m == nil {
			t.Errorf("case id %q; valid is port/words-with-hyphens", info.ID)
			continue
		}
		f := slices.IndexFunc(families, func(f family) bool { return f.port == m[1] })
		if f < 0 {
			t.Errorf("%s: no such port", info.ID)
			continue
		}
		if seen[info.ID] {
			t.Errorf("%s: there are two cases of that id", info.ID)
		}
		seen[info.ID] = true
		if len(info.Clauses) == 0 {
			t.Errorf("%s holds no clause", info.ID)
		}
		for _, clause := range info.Clauses {
			c, ok := l.clause(clause)
			switch {
			case !ok:
				t.Errorf("%s holds %s, which does not exist", info.ID, clause)
			case !strings.HasPrefix(clause, families[f].letters+"-"):
				t.Errorf("%s holds %s of another port", info.ID, clause)
			case c.Pending:
				t.Errorf("%s holds %s, which is pending: its time has come", info.ID, clause)
			}
		}
	}
}

func TestLedgerEveryClauseHasAMutant(t *testing.T) {
	l := openLedger(t)
	broken := map[string]bool{}
	for _, m := range l.mutants {
		for _, c := range m.Clauses {
			broken[c] = true
		}
	}
	for _, f := range families {
		t.Run(f.port, func(t *testing.T) {
			reasons, owed := 0, l.owed(f.letters)
			for _, c := range owed {
				switch {
				case c.NoMutant != "":
					reasons++
					if broken[c.ID] {
						t.Errorf("%s has a mutant and a reason why it has none", c.ID)
					}
				case !broken[c.ID]:
					t.Errorf("no mutant breaks %s: %s", c.ID, c.Text)
				}
			}
			if reasons*oneReasonIn > len(owed) {
				t.Errorf("%d of %d clauses have a reason in place of a mutant; at most one in %d may", reasons, len(owed), oneReasonIn)
			}
		})
	}
}

func TestLedgerMutantsNameWhatExists(t *testing.T) {
	l := openLedger(t)
	cases := map[string]conformance.CaseInfo{}
	for _, info := range l.cases {
		cases[info.ID] = info
	}
	seen := map[string]bool{}
	for _, m := range l.mutants {
		name := m.Port + "/" + m.Name
		if seen[name] {
			t.Errorf("%s: there are two mutants of that name", name)
		}
		seen[name] = true
		if len(m.Kills) == 0 || len(m.Clauses) == 0 {
			t.Errorf("%s names no case that it fails, or no clause that it breaks", name)
		}
		var held []string
		for _, id := range slices.Concat(m.Kills, m.AlsoFails) {
			if _, ok := cases[id]; !ok || !strings.HasPrefix(id, m.Port+"/") {
				t.Errorf("%s: no case of the port is %q", name, id)
			}
		}
		for _, id := range m.Kills {
			held = append(held, cases[id].Clauses...)
			if slices.Contains(m.AlsoFails, id) {
				t.Errorf("%s: %s must fail and may fail", name, id)
			}
		}
		for _, c := range m.Clauses {
			if !slices.Contains(held, c) {
				t.Errorf("%s breaks %s, which none of the cases that it fails holds", name, c)
			}
		}
	}
}

// root is the module's folder.
const root = "../.."

var (
	cited      = regexp.MustCompile(`\b([A-Z]{2})-(\d{3})(?: to ([A-Z]{2})-(\d{3}))?`)
	commentEnd = regexp.MustCompile(`\n\s*//\s*`)
)

// TestLedgerPortsCiteTheirClauses reads the doc comments of ports: "KV-001, KV-003 to KV-005."
func TestLedgerPortsCiteTheirClauses(t *testing.T) {
	l := openLedger(t)
	inPorts := map[string]bool{}
	files, err := filepath.Glob(root + "/ports/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files of package ports", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range cited.FindAllStringSubmatch(commentEnd.ReplaceAllString(string(text), " "), -1) {
			for _, id := range citedIDs(m) {
				inPorts[id] = true
				if _, ok := l.clause(id); !ok && isFamily(m[1]) {
					t.Errorf("%s cites %s, which does not exist", filepath.Base(file), id)
				}
			}
		}
	}
	for _, f := range families {
		for _, c := range l.clauses {
			if f.letters != "RS" && strings.HasPrefix(c.ID, f.letters+"-") && !inPorts[c.ID] {
				t.Errorf("no doc comment in ports cites %s: %s", c.ID, c.Text)
			}
		}
	}
}

func isFamily(letters string) bool {
	return slices.ContainsFunc(families, func(f family) bool { return f.letters == letters })
}

// citedIDs are the clauses of one citation, which may be a range.
func citedIDs(m []string) (ids []string) {
	var from, to int
	fmt.Sscan(strings.TrimLeft(m[2], "0"), &from)
	if to = from; m[4] != "" {
		fmt.Sscan(strings.TrimLeft(m[4], "0"), &to)
	}
	for n := from; n <= to; n++ {
		ids = append(ids, fmt.Sprintf("%s-%03d", m[1], n))
	}
	return ids
}

// TestLedgerReportsAreCurrent holds the committed reports to the suite as it is.
func TestLedgerReportsAreCurrent(t *testing.T) {
	files, err := filepath.Glob(root + "/conformance/reports/*.json")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r conformance.Report
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			found[strings.TrimSuffix(filepath.Base(file), ".json")] = true
			judgeReport(t, r)
		})
	}
	for _, f := range families {
		if name := "memory-local-" + f.port; f.letters != "RS" && !found[name] {
			t.Errorf("conformance/reports lacks %s.json; make conformance writes it", name)
		}
	}
}

func judgeReport(t *testing.T, r conformance.Report) {
	if r.SuiteVersion != conformance.SuiteVersion() || r.ContractVersion != contract.Version {
		t.Errorf("the report is of suite %s and contract %s, the suite is %s and the contract %s; make conformance writes a new one",
			r.SuiteVersion, r.ContractVersion, conformance.SuiteVersion(), contract.Version)
	}
	results := map[string]conformance.Outcome{}
	for _, res := range r.Results {
		results[res.ID] = res.Outcome
		switch res.Outcome {
		case conformance.Pass, conformance.NotDeclared:
		case conformance.NotExercised:
			if r.Driver == "memory" {
				t.Errorf("%s: not exercised; the reference leaves nothing out", res.ID)
			}
		default:
			t.Errorf("%s: %s: %s", res.ID, res.Outcome, res.Detail)
		}
	}
	for _, info := range conformance.Cases() {
		if !strings.HasPrefix(info.ID, r.Port+"/") {
			continue
		}
		if _, ok := results[info.ID]; !ok {
			t.Errorf("the report lacks %s", info.ID)
		}
		delete(results, info.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(results)) {
		t.Errorf("the report has %s, which is no case", id)
	}
}
