package mutants_test

import (
	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/conformance/mutants"
	"github.com/breakwater-go/breakwater/conformance/resilience"
)

// The clauses that core keeps have their cases and mutants in conformance/resilience.

func resilienceCases() []conformance.CaseInfo { return resilience.Cases() }

func resilienceMutants() []mutants.Info { return resilience.Mutants() }
