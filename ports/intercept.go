package ports

import "context"

// Call tells an [Interceptor] what is called. It holds no payload.
type Call struct {
	// Port is "keyvalue", "stream", "broker", "emergency", "orchestrator" or "monitor".
	Port string
	// Driver is the driver's name ("redis").
	Driver string
	// Op is the method in lower case, as in [Error] ("get", "create group"); the names of one port differ.
	Op string
	// Target is the key, stream, topic, queue, process or schedule id, or namespace; of several the first, "" where the
	// call has none. There is no end of targets, and they may name a person: for traces, not for the labels of metrics.
	Target string
}

// Interceptor stands around every call of a port: the seam for metrics and traces. Put it there with InterceptKeyValue,
// InterceptStream, InterceptBroker, InterceptOrchestrator or InterceptMonitor; the one put there last is asked first.
//
// It calls next once, with ctx or one made of it, returns after next has, and returns next's error or one that wraps it.
// It may refuse a call with an error of its own instead. It cannot hide a failure: where it returns nil the call's own
// error stands, and nil without a call of next is ErrInvalid. It runs on the caller's goroutine, for all callers at once.
//
// A call is a method that takes a context: those of the port, of its optional interfaces, and of the Subscription,
// Delivery, StrandedReader or Worker that it hands out, Close included. One that waits, as Receive, Read with Block or
// Result do, is one call for as long as it waits. What a worker runs is the application's own code and no call.
type Interceptor func(ctx context.Context, c Call, next func(context.Context) error) error

// seam is what the decorators of all ports share.
type seam struct {
	intercept Interceptor
	port      string
	driver    string
}

// outcome is what the call itself gave, whatever the interceptor makes of it. It is one value, so that it is one
// allocation.
type outcome[T any] struct {
	result T
	err    error
	called bool
}

// ask hands a call to the interceptor.
func ask[T any](ctx context.Context, s *seam, op, target string, call func(context.Context) (T, error)) (T, error) {
	var own outcome[T]
	err := s.intercept(ctx, Call{Port: s.port, Driver: s.driver, Op: op, Target: target}, func(ctx context.Context) error {
		own.called = true
		own.result, own.err = call(ctx)
		return own.err
	})
	switch {
	case err != nil:
		return own.result, err
	case !own.called:
		return own.result, Errorf(s.driver, op, ErrInvalid, "the interceptor did not make the call; valid is to call next, or to return an error")
	}
	return own.result, own.err
}

// do is ask for a call without a result.
func (s *seam) do(ctx context.Context, op, target string, call func(context.Context) error) error {
	_, err := ask(ctx, s, op, target, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// offering is a decorator that has optional interfaces only where the driver behind it has them.
type offering interface {
	// offer stores one in target, a pointer to a variable of its type, and says whether it could.
	offer(target any) bool
}

// offered is offer for the optional interface T.
func offered[T any](target any, behind Driver, decorate func(T) T) bool {
	t, ok := target.(*T)
	if !ok {
		return false
	}
	inner, ok := Optional[T](behind)
	if ok {
		*t = decorate(inner)
	}
	return ok
}

// firstOf is the target of a call with several.
func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
