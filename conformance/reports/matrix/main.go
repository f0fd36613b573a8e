// Command matrix writes MATRIX.md beside the conformance reports, from their JSON and nothing else.
//
//	go run ./conformance/reports/matrix [FOLDER]
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/breakwater-go/breakwater/conformance"
)

const (
	reports = "conformance/reports"
	matrix  = "MATRIX.md"
)

func main() {
	folder := reports
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	if err := run(folder); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	all, err := read(folder)
	if err != nil {
		return err
	}
	var text strings.Builder
	write(&text, all)
	return os.WriteFile(filepath.Join(folder, matrix), []byte(text.String()), 0o644)
}

// column is one report; its name is driver and topology, as in the file's name.
type column struct {
	name   string
	report conformance.Report
}

// read returns the folder's reports, by port and then by name.
func read(folder string) ([]column, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no reports in %s; make conformance writes them", folder)
	}
	var all []column
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c := column{}
		if err := json.Unmarshal(text, &c.report); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		name, ok := strings.CutSuffix(filepath.Base(file), "-"+c.report.Port+".json")
		if !ok {
			return nil, fmt.Errorf("%s is a report of port %q; valid is a name like driver-topology-%[2]s.json", file, c.report.Port)
		}
		c.name = name
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b column) int {
		return cmp.Or(cmp.Compare(portRank(a.report.Port), portRank(b.report.Port)), cmp.Compare(a.name, b.name))
	})
	return all, nil
}

// portRank orders the ports as everywhere else.
func portRank(port string) int {
	return slices.Index([]string{"keyvalue", "stream", "broker", "orchestrator", "monitor"}, port)
}

var outcomes = []conformance.Outcome{conformance.Pass, conformance.Fail, conformance.Hang, conformance.Panic, conformance.NotDeclared,
	conformance.NotExercised}

func write(w *strings.Builder, all []column) {
	fmt.Fprint(w, "# Conformance matrix\n\nWritten by `make conformance` from the reports beside it; do not edit.\n\n")
	fmt.Fprint(w, "| port | driver | backend | suite | contract |")
	for _, o := range outcomes {
		fmt.Fprintf(w, " %s |", o)
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat(" --- |", 5+len(outcomes)))
	for _, c := range all {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |", c.report.Port, c.name, c.report.Backend, c.report.SuiteVersion, c.report.ContractVersion)
		counts := count(c.report)
		for _, o := range outcomes {
			fmt.Fprintf(w, " %d |", counts[o])
		}
		fmt.Fprintln(w)
	}
	for len(all) > 0 {
		port := all[0].report.Port
		end := slices.IndexFunc(all, func(c column) bool { return c.report.Port != port })
		if end < 0 {
			end = len(all)
		}
		writePort(w, port, all[:end])
		all = all[end:]
	}
}

func count(r conformance.Report) map[conformance.Outcome]int {
	counts := map[conformance.Outcome]int{}
	for _, res := range r.Results {
		counts[res.Outcome]++
	}
	return counts
}

// writePort writes a table of cases by drivers, the cases in the order of the suite.
func writePort(w *strings.Builder, port string, columns []column) {
	fmt.Fprintf(w, "\n## %s\n\n| case | clauses |", port)
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.name)
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat(" --- |", 2+len(columns)))
	for _, row := range rows(columns) {
		fmt.Fprintf(w, "| %s | %s |", strings.TrimPrefix(row.ID, port+"/"), strings.Join(row.Clauses, " "))
		for _, c := range columns {
			fmt.Fprintf(w, " %s |", outcome(c.report, row.ID))
		}
		fmt.Fprintln(w)
	}
	for _, c := range columns {
		text, err := json.Marshal(c.report.Capabilities)
		if err == nil {
			fmt.Fprintf(w, "\nCapabilities of %s: `%s`\n", c.name, text)
		}
	}
}

// rows are the cases of the first report, then those that only others have.
func rows(columns []column) []conformance.Result {
	var all []conformance.Result
	seen := map[string]bool{}
	for _, c := range columns {
		for _, res := range c.report.Results {
			if !seen[res.ID] {
				seen[res.ID] = true
				all = append(all, res)
			}
		}
	}
	return all
}

// outcome is empty for a case that the report does not have.
func outcome(r conformance.Report, id string) conformance.Outcome {
	for _, res := range r.Results {
		if res.ID == id {
			return res.Outcome
		}
	}
	return ""
}
