package redis

import "slices"

// Architecture is how the servers stand together.
type Architecture string

// The architectures.
const (
	// Standalone is one server.
	Standalone Architecture = "standalone"
	// Sentinel is a master with replicas, watched by sentinels that make a replica master when it dies.
	Sentinel Architecture = "sentinel"
	// Cluster is several masters that share the keys by slots.
	Cluster Architecture = "cluster"
	// Hybrid is a Redis proxy such as Envoy before the servers. Not yet: Open returns ErrUnsupported.
	Hybrid Architecture = "hybrid"
	// SmartRouter is a Sentinel set for keys with a tag and a Cluster for all others and for streams. Not yet: Open
	// returns ErrUnsupported.
	SmartRouter Architecture = "smart_router"
)

// UseCase is what an application mostly does; [Resolve] picks the architecture for it.
type UseCase string

// The use cases.
const (
	HighConcurrency   UseCase = "high_concurrency"
	HeavyTransactions UseCase = "heavy_transactions"
	Microservices     UseCase = "microservices"
	Auto              UseCase = "auto"
)

// UnmarshalText takes one of the architectures.
func (a *Architecture) UnmarshalText(text []byte) error { return parseOne(a, text, architectures()...) }

// UnmarshalText takes one of the use cases.
func (u *UseCase) UnmarshalText(text []byte) error { return parseOne(u, text, useCases()...) }

func architectures() []Architecture {
	return []Architecture{Standalone, Sentinel, Cluster, Hybrid, SmartRouter}
}

func useCases() []UseCase { return []UseCase{HighConcurrency, HeavyTransactions, Microservices, Auto} }

// Resolve says which architecture is meant: an explicit one, else the use case's; neither is [Sentinel] if sentinels are
// configured, else [Standalone]. Unknown text is ErrInvalid.
func Resolve(a Architecture, u UseCase, sentinels bool) (Architecture, error) {
	if a != "" && !slices.Contains(architectures(), a) {
		return "", invalid("config", "Architecture is %q; valid is empty or %s", a, oneOf(architectures()...))
	}
	if u != "" && !slices.Contains(useCases(), u) {
		return "", invalid("config", "UseCase is %q; valid is empty or %s", u, oneOf(useCases()...))
	}
	switch {
	case a != "":
		return a, nil
	case u == HighConcurrency:
		return Cluster, nil
	case u == HeavyTransactions:
		return Sentinel, nil
	case u == Microservices:
		return Hybrid, nil
	case u == Auto:
		return SmartRouter, nil
	case sentinels:
		return Sentinel, nil
	}
	return Standalone, nil
}

func (c Config) resolve() (Architecture, error) {
	return Resolve(c.Architecture, c.UseCase, len(c.SentinelNodes) > 0)
}
