package conformance

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Outcome of a case.
type Outcome string

// The outcomes. NotDeclared and NotExercised are no failures, and they stand in the report.
const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Hang         Outcome = "hang"
	Panic        Outcome = "panic"
	NotDeclared  Outcome = "not-declared"
	NotExercised Outcome = "not-exercised"
)

// Report is the verdict on one driver and port.
type Report struct {
	SuiteVersion    string   `json:"suite_version"`
	ContractVersion string   `json:"contract_version"`
	Driver          string   `json:"driver"`
	Backend         string   `json:"backend"`
	Port            string   `json:"port"`
	Capabilities    any      `json:"capabilities"`
	Results         []Result `json:"results"`
}

// Result of one case.
type Result struct {
	ID        string   `json:"id"`
	Clauses   []string `json:"clauses"`
	Outcome   Outcome  `json:"outcome"`
	ElapsedMS float64  `json:"elapsed_ms"`
	// Detail says what was seen instead, or what was missing.
	Detail string `json:"detail,omitempty"`
}

// Err joins what failed, nil when nothing did.
func (r Report) Err() error {
	var bad []string
	for _, res := range r.Results {
		switch res.Outcome {
		case Pass, NotDeclared, NotExercised:
		default:
			bad = append(bad, fmt.Sprintf("%s: %s: %s", res.ID, res.Outcome, res.Detail))
		}
	}
	if bad == nil {
		return nil
	}
	return fmt.Errorf("%s on %s: %d of %d cases failed:\n%s", r.Port, r.Driver, len(bad), len(r.Results), strings.Join(bad, "\n"))
}

// WriteFile writes the report as JSON.
func (r Report) WriteFile(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// unique is a short random text for namespaces.
func unique() string { return strings.ToLower(rand.Text()[:10]) }
