package monitoring

import (
	"context"
	"maps"

	"github.com/breakwater-go/breakwater/ports"
)

// Status is everything at once, in the form that /status.json has.
type Status struct {
	// Ready: every required backend is healthy.
	Ready    bool                     `json:"is_ready"`
	Backends map[string]BackendStatus `json:"backends"`
	Sources  map[string]Figures       `json:"sources"`
}

// BackendStatus is all that is known of one backend.
type BackendStatus struct {
	Required bool         `json:"is_required"`
	Health   ports.Health `json:"health"`
	Figures
}

// Figures of a backend or source.
type Figures struct {
	// Stats is nil when there are none; Error then says why.
	Stats *ports.Stats `json:"stats"`
	// Error is the kind of the failure in words ("unavailable"), and no more, since the rest may not be for everybody;
	// "failed" when the error had no kind.
	Error string `json:"stats_error,omitempty"`
}

// Status asks every backend and source for all. It returns as Health does. Figures that are not finite are left out.
func (g *Group) Status(ctx context.Context) Status {
	asked := make(map[string]*answer[ports.Stats], len(g.backends)+len(g.sources))
	for _, b := range g.backends {
		asked[b.name] = b.stats.ask(ctx)
	}
	for _, s := range g.sources {
		asked[s.name] = s.stats.ask(ctx)
	}
	health := g.Health(ctx)
	status := Status{Ready: true, Backends: make(map[string]BackendStatus, len(g.backends)),
		Sources: make(map[string]Figures, len(g.sources))}
	for _, b := range g.backends {
		h := health[b.name]
		status.Ready = status.Ready && (h.Healthy || !b.required)
		status.Backends[b.name] = BackendStatus{Required: b.required, Health: h, Figures: figuresOf(ctx, asked[b.name])}
	}
	for _, s := range g.sources {
		status.Sources[s.name] = figuresOf(ctx, asked[s.name])
	}
	return status
}

// figuresOf gives the caller's own copy of an answer.
func figuresOf(ctx context.Context, a *answer[ports.Stats]) Figures {
	stats, err := a.wait(ctx)
	if err != nil {
		kind := ports.KindOf(err)
		if kind == 0 {
			kind = ports.ErrFailed
		}
		return Figures{Error: kind.Error()}
	}
	own := ports.Stats{Technology: stats.Technology, Metrics: []ports.Sample{}, Summary: map[string]float64{}}
	for _, s := range stats.Metrics {
		if finite(s.Value) {
			s.Labels = maps.Clone(s.Labels)
			own.Metrics = append(own.Metrics, s)
		}
	}
	maps.Copy(own.Summary, stats.Summary)
	maps.DeleteFunc(own.Summary, func(_ string, v float64) bool { return !finite(v) })
	return Figures{Stats: &own}
}
