package mutants

import (
	"slices"
	"strings"

	"github.com/breakwater-go/breakwater/ports"
)

// KeyValue lists the broken KeyValue drivers.
func KeyValue() []Mutant[ports.KeyValue] {
	return slices.Concat(keyValueStrings(), keyValueBoundary(), keyValueExpiry(), keyValueNumbers(), keyValueHashes(),
		keyValueLists(), keyValueSortedSets(), keyValuePipelines())
}

// keyValueMutant makes a mutant of clause numbers and case names, each separated by spaces.
func keyValueMutant(name, clauses, kills, alsoFails string, spoil func(d ports.KeyValue, m *brokenKeyValue)) Mutant[ports.KeyValue] {
	return Mutant[ports.KeyValue]{
		Name:      name,
		Clauses:   prefixed("KV-", clauses),
		Kills:     prefixed("keyvalue/", kills),
		AlsoFails: prefixed("keyvalue/", alsoFails),
		Wrap:      breakKeyValue(spoil),
	}
}

func prefixed(prefix, list string) []string {
	words := strings.Fields(list)
	for i := range words {
		words[i] = prefix + words[i]
	}
	return words
}

// kvErr is an error as the memory driver gives it.
func kvErr(kind ports.Kind) error {
	return &ports.Error{Op: "broken", Driver: "memory", Kind: kind}
}
