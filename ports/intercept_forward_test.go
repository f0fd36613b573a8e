package ports_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/breakwater-go/breakwater/ports"
)

// notebook is an orchestrator with every optional interface that writes down what reaches it.
type notebook struct {
	stubOrchestrator
	last string
}

func (n *notebook) note(args ...any) error {
	n.last = fmt.Sprintln(args...)
	return nil
}

func (n *notebook) Update(_ context.Context, r ports.Run, name string, arg json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage("1"), n.note("update", r.ID, name, string(arg))
}
func (n *notebook) CreateSchedule(_ context.Context, s ports.Schedule) error {
	return n.note("create", s.ID)
}
func (n *notebook) DescribeSchedule(_ context.Context, id string) (ports.Schedule, error) {
	return ports.Schedule{ID: id}, n.note("describe", id)
}
func (n *notebook) ListSchedules(context.Context) ([]ports.Schedule, error) {
	return []ports.Schedule{{ID: "s"}}, n.note("list")
}
func (n *notebook) PauseSchedule(_ context.Context, id string, paused bool) error {
	return n.note("pause", id, paused)
}
func (n *notebook) TriggerSchedule(_ context.Context, id string) error { return n.note("trigger", id) }
func (n *notebook) DeleteSchedule(_ context.Context, id string) error  { return n.note("delete", id) }
func (n *notebook) CreateNamespace(_ context.Context, s ports.Namespace) error {
	return n.note("create ns", s.Name)
}
func (n *notebook) DescribeNamespace(_ context.Context, name string) (ports.Namespace, error) {
	return ports.Namespace{Name: name}, n.note("describe ns", name)
}
func (n *notebook) UpdateNamespace(_ context.Context, s ports.Namespace) error {
	return n.note("update ns", s.Name)
}
func (n *notebook) DeleteNamespace(_ context.Context, name string) error {
	return n.note("delete ns", name)
}

// TestWhatNoDriverHasYetIsHandedOn stands in for the conformance suite where no memory driver has the interface.
func TestWhatNoDriverHasYetIsHandedOn(t *testing.T) {
	ctx, n := t.Context(), &notebook{}
	o := ports.InterceptOrchestrator(n, passThrough)
	u, s, ns := mustHave[ports.Updates](t, o), mustHave[ports.Schedules](t, o), mustHave[ports.Namespaces](t, o)
	for want, got := range map[string]func() (any, error){
		"1 update r set 2\n": func() (any, error) {
			v, err := u.Update(ctx, ports.Run{ID: "r"}, "set", json.RawMessage("2"))
			return string(v), err
		},
		"<nil> create s\n":        func() (any, error) { return nil, s.CreateSchedule(ctx, ports.Schedule{ID: "s"}) },
		"s describe s\n":          func() (any, error) { v, err := s.DescribeSchedule(ctx, "s"); return v.ID, err },
		"1 list\n":                func() (any, error) { v, err := s.ListSchedules(ctx); return len(v), err },
		"<nil> pause s true\n":    func() (any, error) { return nil, s.PauseSchedule(ctx, "s", true) },
		"<nil> trigger s\n":       func() (any, error) { return nil, s.TriggerSchedule(ctx, "s") },
		"<nil> delete s\n":        func() (any, error) { return nil, s.DeleteSchedule(ctx, "s") },
		"<nil> create ns team\n":  func() (any, error) { return nil, ns.CreateNamespace(ctx, ports.Namespace{Name: "team"}) },
		"team describe ns team\n": func() (any, error) { v, err := ns.DescribeNamespace(ctx, "team"); return v.Name, err },
		"<nil> update ns team\n":  func() (any, error) { return nil, ns.UpdateNamespace(ctx, ports.Namespace{Name: "team"}) },
		"<nil> delete ns team\n":  func() (any, error) { return nil, ns.DeleteNamespace(ctx, "team") },
	} {
		result, err := got()
		if seen := fmt.Sprint(result) + " " + n.last; seen != want || err != nil {
			t.Errorf("got %q, %v; want %q", seen, err, want)
		}
	}
}
