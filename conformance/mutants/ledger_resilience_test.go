package mutants_test

import (
	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
)

// The clauses that core keeps have their cases and mutants in conformance/resilience.

func resilienceCases() []conformance.CaseInfo { return nil }

func resilienceMutants() []mutants.Info { return nil }
