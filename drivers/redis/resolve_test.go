package redis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name      string
		arch      redis.Architecture
		use       redis.UseCase
		sentinels bool
		want      redis.Architecture
	}{
		{"nothing", "", "", false, redis.Standalone},
		{"only sentinels", "", "", true, redis.Sentinel},
		{"high concurrency", "", redis.HighConcurrency, false, redis.Cluster},
		{"heavy transactions", "", redis.HeavyTransactions, false, redis.Sentinel},
		{"microservices", "", redis.Microservices, false, redis.Hybrid},
		{"auto", "", redis.Auto, false, redis.SmartRouter},
		{"a use case beats sentinels", "", redis.HighConcurrency, true, redis.Cluster},
		{"standalone beats sentinels", redis.Standalone, "", true, redis.Standalone},
		{"standalone beats a use case", redis.Standalone, redis.HighConcurrency, false, redis.Standalone},
		{"sentinel beats a use case", redis.Sentinel, redis.Auto, true, redis.Sentinel},
		{"cluster", redis.Cluster, "", false, redis.Cluster},
		{"cluster beats a use case", redis.Cluster, redis.HeavyTransactions, true, redis.Cluster},
		{"hybrid beats a use case", redis.Hybrid, redis.HighConcurrency, false, redis.Hybrid},
		{"smart router beats a use case", redis.SmartRouter, redis.Microservices, true, redis.SmartRouter},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := redis.Resolve(c.arch, c.use, c.sentinels)
			if err != nil || got != c.want {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestResolveRefusesUnknownTexts(t *testing.T) {
	_, err := redis.Resolve("clustre", "", false)
	wantInvalid(t, err, "Architecture", `"clustre"`, "standalone, sentinel, cluster, hybrid, smart_router")
	_, err = redis.Resolve("", "fast", false)
	wantInvalid(t, err, "UseCase", `"fast"`, "high_concurrency, heavy_transactions, microservices, auto")
	// An explicit architecture does not hide a slip beside it.
	_, err = redis.Resolve(redis.Cluster, "fast", false)
	wantInvalid(t, err, "UseCase")
}

func TestOpenRefusesWhatIsNotBuilt(t *testing.T) {
	for _, arch := range []redis.Architecture{redis.Hybrid, redis.SmartRouter} {
		c := redis.DefaultConfig()
		c.Architecture = arch
		client, err := redis.Open(t.Context(), c)
		if client != nil || !errors.Is(err, ports.ErrUnsupported) || !strings.Contains(err.Error(), string(arch)) {
			t.Errorf("%s: %v, %v; want unsupported, naming it", arch, client, err)
		}
	}
}

// wantInvalid fails unless err is ErrInvalid and names all the texts.
func wantInvalid(t *testing.T, err error, texts ...string) {
	t.Helper()
	wantKind(t, err, ports.ErrInvalid, texts...)
}

func wantKind(t *testing.T, err error, kind ports.Kind, texts ...string) {
	t.Helper()
	if ports.KindOf(err) != kind {
		t.Fatalf("%v; want %v", err, kind)
	}
	var e *ports.Error
	if !errors.As(err, &e) || e.Driver != "redis" || e.Op == "" {
		t.Errorf("%#v is no *ports.Error of the driver redis with an operation", err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v; want it to say %s", err, text)
		}
	}
}
