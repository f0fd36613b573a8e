// Package contract is the written contract between core and drivers: numbered clauses, one Markdown file a port, each
// naming one observable behaviour. The conformance suite reads them from here.
package contract

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

// Version of the contract; it stays below 1 until Redis, Pulsar and Temporal keep it.
const Version = "0.1.0"

//go:embed *.md
var files embed.FS

// Clause is one promise.
type Clause struct {
	// ID is a port's two letters and a number: "KV-001".
	ID string
	// Capability that the clause belongs to; "" = core, owed by every driver.
	Capability string
	// Pending: written and marked, but its case waits for a later release.
	Pending bool
	// NoMutant is the reason why no broken driver can show that the case would notice; "" = there is one.
	NoMutant string
	Text     string
}

// Core says whether every driver owes the clause.
func (c Clause) Core() bool { return c.Capability == "" }

var head = regexp.MustCompile(`^- \*\*([A-Z]{2}-\d{3})\*\* \((core|capability ([A-Za-z]+))(, pending)?(?:; no mutant: ([^)]+))?\): (.+)$`)

// Clauses parses all contract files, in the order of their names and lines.
func Clauses() ([]Clause, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Clause
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		clauses, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all = append(all, clauses...)
	}
	return all, nil
}

// parse reads list items of the form "- **KV-001** (core): text", continued by lines indented by two spaces.
func parse(text string) ([]Clause, error) {
	var clauses []Clause
	inClause := false
	for n, line := range strings.Split(text, "\n") {
		switch m := head.FindStringSubmatch(line); {
		case m != nil:
			clauses = append(clauses, Clause{ID: m[1], Capability: m[3], Pending: m[4] != "", NoMutant: m[5], Text: m[6]})
			inClause = true
		case strings.HasPrefix(line, "- **"):
			return nil, fmt.Errorf("line %d: not a clause: %q; valid is \"- **XX-000** (core|capability Name[, pending][; no mutant: reason]): text\"", n+1, line)
		case inClause && strings.HasPrefix(line, "  "):
			clauses[len(clauses)-1].Text += " " + strings.TrimSpace(line)
		default:
			inClause = false
		}
	}
	return clauses, nil
}
