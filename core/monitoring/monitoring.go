// Package monitoring puts the monitors of all backends together: one view of health and figures for a person, for probes
// and for Prometheus.
//
// A [Group] asks every monitor at once and each within a timeout of its own. One that hangs or panics is unhealthy by
// name and holds nobody up; it is not asked again before it has returned. Answers are shared by those who ask at the same
// time and repeated for a moment, so that a storm of probes does not reach the backends.
//
// [Group.Handler] serves /livez, /readyz and /status.json. [Group.Collector] is for the application's own Prometheus
// registry: /metrics is the application's.
package monitoring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/breakwater-go/breakwater/ports"
)

const owner = "monitoring"

// Defaults of [Config].
const (
	// DefaultTimeout lets a probe of Kubernetes, which waits for a second unless told otherwise, read the reason why.
	DefaultTimeout = 800 * time.Millisecond
	DefaultRepeat  = time.Second
)

// Config says what to ask. The zero value of a Group is ready whatever happens: it knows no backend.
type Config struct {
	Backends []Backend
	Sources  []Source
	// Timeout of one answer, where Backend.Timeout does not say otherwise; 0 = DefaultTimeout. A monitor may take 100 ms
	// more to notice.
	Timeout time.Duration
	// Repeat is how long an answer is given again without asking; 0 = DefaultRepeat, negative = not at all.
	Repeat time.Duration
	// Logger hears of each change between healthy and unhealthy, and of panics; nil = silent.
	Logger *slog.Logger
}

// Backend is one monitored backend; Monitor is required.
type Backend struct {
	// Name tells it from the others in answers and metrics ("cache"); "" = the driver's name.
	Name    string
	Monitor ports.Monitor
	// Optional: the program does its work without it, so it is shown and never fails readiness. A fallback is optional,
	// and so is a primary broker with a fallback where a stranded message counts as sent. All others are required.
	Optional bool
	// Timeout of one answer; 0 = Config.Timeout.
	Timeout time.Duration
}

// Source gives figures of something that is no backend, such as the messaging client; both fields are required.
type Source struct {
	// Name is unique among backends and sources.
	Name string
	// Stats is as in [ports.Monitor]; it ends with its context.
	Stats func(context.Context) (ports.Stats, error)
}

// Validate says which field is wrong, and what is valid.
func (c Config) Validate() error {
	var errs []error
	names := map[string]bool{}
	name := func(field, name string) {
		switch {
		case name == "" || !utf8.ValidString(name):
			errs = append(errs, fmt.Errorf("%s.Name is %q; valid is any UTF-8 text but the empty one", field, name))
		case names[name]:
			errs = append(errs, fmt.Errorf("%s.Name is %q, as another's; valid is a name of its own", field, name))
		}
		names[name] = true
	}
	timeout := func(field string, d time.Duration) {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s is %v; valid is above 0, or 0 for the default", field, d))
		}
	}
	for i, b := range c.Backends {
		field := fmt.Sprintf("Backends[%d]", i)
		if b.Monitor == nil {
			errs = append(errs, fmt.Errorf("%s.Monitor is nil; valid is a driver's monitor", field))
			continue
		}
		name(field, b.name())
		timeout(field+".Timeout", b.Timeout)
	}
	for i, s := range c.Sources {
		field := fmt.Sprintf("Sources[%d]", i)
		if s.Stats == nil {
			errs = append(errs, fmt.Errorf("%s.Stats is nil; valid is a function", field))
		}
		name(field, s.Name)
	}
	timeout("Timeout", c.Timeout)
	if len(errs) == 0 {
		return nil
	}
	return &ports.Error{Op: "new", Driver: owner, Kind: ports.ErrInvalid, Err: errors.Join(errs...)}
}

func (b Backend) name() string {
	if b.Name == "" {
		return b.Monitor.Name()
	}
	return b.Name
}

// Group asks many monitors as one. It is safe for concurrent use. The monitors are their owner's to close, after the
// Group.
type Group struct {
	backends []*backend
	sources  []*source
}

type backend struct {
	name       string
	technology string
	required   bool
	health     *probe[ports.Health]
	stats      *probe[ports.Stats]
}

type source struct {
	name  string
	stats *probe[ports.Stats]
}

// New makes a Group; nothing runs while nobody asks.
func New(c Config) (*Group, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Repeat == 0 {
		c.Repeat = DefaultRepeat
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Group{}
	for _, b := range c.Backends {
		g.backends = append(g.backends, newBackend(c, b))
	}
	for _, s := range c.Sources {
		g.sources = append(g.sources, &source{name: s.Name, stats: newStatsProbe(c, s.Name, c.Timeout, s.Stats)})
	}
	return g, nil
}

func newBackend(c Config, b Backend) *backend {
	if b.Timeout == 0 {
		b.Timeout = c.Timeout
	}
	name := b.name()
	log := c.Logger.With("backend", name)
	technology := b.Monitor.Name()
	state := &healthState{technology: technology, log: log}
	return &backend{name: name, technology: technology, required: !b.Optional,
		health: &probe[ports.Health]{timeout: b.Timeout, repeat: c.Repeat, log: log, settled: state.see,
			call: func(ctx context.Context) (ports.Health, error) { return b.Monitor.Health(ctx), nil }},
		stats: newStatsProbe(c, name, b.Timeout, b.Monitor.Stats),
	}
}

func newStatsProbe(c Config, name string, timeout time.Duration, call func(context.Context) (ports.Stats, error)) *probe[ports.Stats] {
	return &probe[ports.Stats]{timeout: timeout, repeat: c.Repeat, log: c.Logger.With("stats_of", name), call: call}
}

// Close ends what is being asked and waits for it until ctx ends; from then on every backend is unhealthy. Idempotent.
// ErrTimeout or ErrCanceled names the monitors that have not returned.
func (g *Group) Close(ctx context.Context) error {
	for _, b := range g.backends {
		b.health.end()
		b.stats.end()
	}
	for _, s := range g.sources {
		s.stats.end()
	}
	var errs []error
	wait := func(name string, returned <-chan struct{}) {
		select {
		case <-returned:
			return
		default:
		}
		select {
		case <-returned:
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("%s still hangs", name))
		}
	}
	for _, b := range g.backends {
		wait("health of "+b.name, b.health.idle())
		wait("stats of "+b.name, b.stats.idle())
	}
	for _, s := range g.sources {
		wait("stats of "+s.name, s.stats.idle())
	}
	if len(errs) == 0 {
		return nil
	}
	return &ports.Error{Op: "close", Driver: owner, Kind: ports.KindOf(ctx.Err()), Err: errors.Join(append(errs, ctx.Err())...)}
}
