// Package hanging holds the mutants that block for ever or spin. They run on the real clock and in a test binary of their
// own, which ends them.
package hanging

import (
	"slices"

	"github.com/breakwater-go/breakwater/conformance/mutants"
)

// All describes them.
func All() []mutants.Info {
	return slices.Concat(mutants.Infos("stream", Stream()), mutants.Infos("broker", Broker()))
}
