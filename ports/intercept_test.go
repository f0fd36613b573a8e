package ports_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

var errRefused = errors.New("refused")

// recorder keeps the calls that it sees, and lets them through unless it refuses.
type recorder struct {
	calls  []ports.Call
	refuse bool
}

func (r *recorder) intercept(ctx context.Context, c ports.Call, next func(context.Context) error) error {
	r.calls = append(r.calls, c)
	if r.refuse {
		return errRefused
	}
	return next(ctx)
}

func (r *recorder) take() []ports.Call {
	calls := r.calls
	r.calls = nil
	return calls
}

// The stubs answer only what leads to more decorated values; every other call would panic.
type (
	stubKeyValue     struct{ ports.KeyValue }
	stubStream       struct{ ports.Stream }
	stubBroker       struct{ ports.Broker }
	stubStore        struct{ ports.EmergencyStore }
	stubSubscription struct{ ports.Subscription }
	stubReader       struct{ ports.StrandedReader }
	stubDelivery     struct{ ports.Delivery }
	stubOrchestrator struct{ ports.Orchestrator }
	stubWorker       struct{ ports.Worker }
	stubMonitor      struct{ ports.Monitor }
)

// fullBroker and fullOrchestrator have every optional interface.
type (
	fullBroker struct {
		stubBroker
		stubStore
	}
	fullOrchestrator struct {
		stubOrchestrator
		ports.Updates
		ports.Schedules
		ports.Namespaces
	}
)

func (stubKeyValue) Name() string     { return "stub" }
func (stubStream) Name() string       { return "stub" }
func (stubBroker) Name() string       { return "stub" }
func (stubOrchestrator) Name() string { return "stub" }
func (stubMonitor) Name() string      { return "stub" }

func (stubBroker) Subscribe(context.Context, ports.SubscribeOptions) (ports.Subscription, error) {
	return stubSubscription{}, nil
}
func (stubSubscription) Receive(context.Context) (ports.Delivery, error) { return stubDelivery{}, nil }
func (stubStore) Stranded(context.Context, string) (ports.StrandedReader, error) {
	return stubReader{}, nil
}
func (stubReader) Next(context.Context) (ports.Delivery, error) { return stubDelivery{}, nil }
func (stubOrchestrator) NewWorker(ports.WorkerOptions) (ports.Worker, error) {
	return stubWorker{}, nil
}

// TestEveryCallIsIntercepted finds the calls by reflection, so that a method added to a port later cannot be forgotten.
func TestEveryCallIsIntercepted(t *testing.T) {
	ctx := t.Context()
	r := &recorder{}
	ops := map[string]map[string]bool{}
	check := func(port string, methodsOf reflect.Type, decorated any) {
		t.Helper()
		if ops[port] == nil {
			ops[port] = map[string]bool{}
		}
		seen := mustInterceptAll(t, r, port, methodsOf, decorated)
		for _, op := range seen {
			if ops[port][op] {
				t.Errorf("%s: two methods have the op %q", port, op)
			}
			ops[port][op] = true
		}
	}
	check("keyvalue", reflect.TypeFor[ports.KeyValue](), ports.InterceptKeyValue(stubKeyValue{}, r.intercept))
	check("stream", reflect.TypeFor[ports.Stream](), ports.InterceptStream(stubStream{}, r.intercept))
	check("monitor", reflect.TypeFor[ports.Monitor](), ports.InterceptMonitor(stubMonitor{}, r.intercept))

	b := ports.InterceptBroker(fullBroker{}, r.intercept)
	check("broker", reflect.TypeFor[ports.Broker](), b)
	s := must(b.Subscribe(ctx, ports.SubscribeOptions{}))
	check("broker", reflect.TypeFor[ports.Subscription](), s)
	check("broker", reflect.TypeFor[ports.Delivery](), must(s.Receive(ctx)))

	store := mustHave[ports.EmergencyStore](t, b)
	check("emergency", reflect.TypeFor[ports.EmergencyStore](), store)
	reader := must(store.Stranded(ctx, ""))
	check("emergency", reflect.TypeFor[ports.StrandedReader](), reader)
	check("emergency", reflect.TypeFor[ports.Delivery](), must(reader.Next(ctx)))

	o := ports.InterceptOrchestrator(fullOrchestrator{}, r.intercept)
	check("orchestrator", reflect.TypeFor[ports.Orchestrator](), o)
	check("orchestrator", reflect.TypeFor[ports.Worker](), must(o.NewWorker(ports.WorkerOptions{})))
	check("orchestrator", reflect.TypeFor[ports.Updates](), mustHave[ports.Updates](t, o))
	check("orchestrator", reflect.TypeFor[ports.Schedules](), mustHave[ports.Schedules](t, o))
	check("orchestrator", reflect.TypeFor[ports.Namespaces](), mustHave[ports.Namespaces](t, o))
}

// mustInterceptAll calls every method that takes a context, with zero arguments, and returns their ops.
func mustInterceptAll(t *testing.T, r *recorder, port string, methodsOf reflect.Type, decorated any) (ops []string) {
	t.Helper()
	r.refuse = true
	defer func() { r.refuse = false }()
	for m := range methodsOf.Methods() {
		if m.Type.NumIn() == 0 || m.Type.In(0) != reflect.TypeFor[context.Context]() {
			continue
		}
		r.take()
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < m.Type.NumIn(); i++ {
			if !m.Type.IsVariadic() || i < m.Type.NumIn()-1 {
				args = append(args, reflect.Zero(m.Type.In(i)))
			}
		}
		results := reflect.ValueOf(decorated).MethodByName(m.Name).Call(args)
		calls := r.take()
		if len(calls) != 1 || calls[0].Port != port || calls[0].Driver != "stub" || calls[0].Op == "" {
			t.Errorf("%v.%s: the interceptor saw %+v; want one call on %s of stub", methodsOf, m.Name, calls, port)
			continue
		}
		ops = append(ops, calls[0].Op)
		if err, ok := results[len(results)-1].Interface().(error); ok && !errors.Is(err, errRefused) {
			t.Errorf("%v.%s: returned %v; want what the interceptor returned", methodsOf, m.Name, err)
		}
	}
	if len(ops) == 0 {
		t.Errorf("%v has no call", methodsOf)
	}
	return ops
}

func TestOptionalInterfacesAreFoundOnlyWhereTheyAre(t *testing.T) {
	r := &recorder{}
	b := ports.InterceptBroker(stubBroker{}, r.intercept)
	if _, ok := ports.Optional[ports.EmergencyStore](b); ok {
		t.Error("found an EmergencyStore behind a broker that has none")
	}
	o := ports.InterceptOrchestrator(stubOrchestrator{}, r.intercept)
	if _, ok := ports.Optional[ports.Updates](o); ok {
		t.Error("found Updates behind an orchestrator that has none")
	}
	if got := mustHave[stubBroker](t, b); got != (stubBroker{}) {
		t.Errorf("the driver itself: got %v", got)
	}
}

func TestBothInterceptorsSeeAnEmergencyStore(t *testing.T) {
	inner, outer := &recorder{}, &recorder{}
	b := ports.InterceptBroker(ports.InterceptBroker(memory.NewBroker(nil), inner.intercept), outer.intercept)
	if _, err := mustHave[ports.EmergencyStore](t, b).Topics(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []ports.Call{{Port: "emergency", Driver: "memory", Op: "topics"}}
	for name, r := range map[string]*recorder{"inner": inner, "outer": outer} {
		if got := r.take(); !slices.Equal(got, want) {
			t.Errorf("%s: saw %+v; want %+v", name, got, want)
		}
	}
}

func TestTheTargetIsNamed(t *testing.T) {
	ctx, r := t.Context(), &recorder{}
	kv := ports.InterceptKeyValue(memory.NewKeyValue(nil), r.intercept)
	st := ports.InterceptStream(memory.NewStream(nil), r.intercept)
	b := ports.InterceptBroker(memory.NewBroker(nil), r.intercept)
	for want, call := range map[ports.Call]func() error{
		{Port: "keyvalue", Driver: "memory", Op: "exists", Target: "k"}: func() error { return second(kv.Exists(ctx, "k", "l")) },
		{Port: "keyvalue", Driver: "memory", Op: "pipeline", Target: "k"}: func() error {
			return second(kv.Pipeline(ctx, ports.PipelineOptions{}, ports.OpIncr("k", 1)))
		},
		{Port: "stream", Driver: "memory", Op: "read", Target: "s"}: func() error {
			return second(st.Read(ctx, ports.ReadOptions{}, ports.Offset{Stream: "s", ID: ports.StreamStart}))
		},
		{Port: "broker", Driver: "memory", Op: "publish", Target: "t"}: func() error {
			return second(b.Publish(ctx, &ports.Message{Topic: "t"}))
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", want.Op, err)
		}
		if got := r.take(); !slices.Equal(got, []ports.Call{want}) {
			t.Errorf("%s: saw %+v; want %+v", want.Op, got, want)
		}
	}
}

func TestAnInterceptorCannotHideAFailure(t *testing.T) {
	for name, tc := range map[string]struct {
		intercept ports.Interceptor
		want      error
	}{
		"swallows": {func(ctx context.Context, _ ports.Call, next func(context.Context) error) error {
			_ = next(ctx)
			return nil
		}, ports.ErrNotFound},
		"does not call": {func(context.Context, ports.Call, func(context.Context) error) error { return nil }, ports.ErrInvalid},
		"refuses":       {func(context.Context, ports.Call, func(context.Context) error) error { return errRefused }, errRefused},
		"hands on an ended context": {func(ctx context.Context, _ ports.Call, next func(context.Context) error) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return next(ctx)
		}, ports.ErrCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			kv := ports.InterceptKeyValue(memory.NewKeyValue(nil), tc.intercept)
			if _, err := kv.Get(t.Context(), "absent"); !errors.Is(err, tc.want) {
				t.Errorf("get: %v; want %v", err, tc.want)
			}
			if err := kv.Expire(t.Context(), "absent", 0); !errors.Is(err, tc.want) {
				t.Errorf("expire: %v; want %v", err, tc.want)
			}
		})
	}
}

func TestARefusedHealthIsUnhealthy(t *testing.T) {
	r := &recorder{refuse: true}
	h := ports.InterceptMonitor(stubMonitor{}, r.intercept).Health(t.Context())
	if h.Healthy || h.Technology != "stub" || h.Details.Reason != errRefused.Error() || h.Details.Since.IsZero() {
		t.Errorf("got %+v", h)
	}
}

func TestWithoutAnInterceptorTheDriverIsItself(t *testing.T) {
	for name, same := range map[string]bool{
		"keyvalue":     ports.InterceptKeyValue(stubKeyValue{}, nil) == stubKeyValue{},
		"stream":       ports.InterceptStream(stubStream{}, nil) == stubStream{},
		"broker":       ports.InterceptBroker(stubBroker{}, nil) == stubBroker{},
		"orchestrator": ports.InterceptOrchestrator(stubOrchestrator{}, nil) == stubOrchestrator{},
		"monitor":      ports.InterceptMonitor(stubMonitor{}, nil) == stubMonitor{},
	} {
		if !same {
			t.Errorf("%s: a decorator came back", name)
		}
	}
}

func mustHave[T any](t *testing.T, d ports.Driver) T {
	t.Helper()
	found, ok := ports.Optional[T](d)
	if !ok {
		t.Fatalf("%v not found behind %T", reflect.TypeFor[T](), d)
	}
	return found
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func second[T any](_ T, err error) error { return err }
