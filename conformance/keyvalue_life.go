package conformance

import (
	"context"
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

func kvLifeCases() []kvCase {
	unreachable := kvCoreCase("unreachable-backend", "028", kvUnreachable)
	back := kvCoreCase("works-again-when-backend-is-back", "029", kvBackAgain)
	unreachable.faults, back.faults = true, true
	return []kvCase{
		kvCoreCase("closed-client", "024", func(ctx context.Context, e *kvEnv) {
			d := e.peer(ctx)
			e.noError(d.Close(ctx), "close")
			for _, m := range kvDeclared(d) {
				e.isKind(m.call(ctx, d, "k"), ports.ErrClosed, m.name+" of a closed client")
			}
			kvWantAbsent(ctx, e, "k")
		}),
		kvCoreCase("close-twice", "025", func(ctx context.Context, e *kvEnv) {
			d := e.peer(ctx)
			e.noError(d.Close(ctx), "close")
			e.noError(d.Close(ctx), "close again")
		}),
		kvCoreCase("close-harms-nobody-else", "026", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "before")
			for range 2 {
				d := e.peer(ctx)
				e.noError(second(d.Get(ctx, "k")), "get by the second client")
				e.noError(d.Close(ctx), "close the second client")
			}
			kvWantString(ctx, e, "k", "before")
			kvSet(ctx, e, "k", "after")
			kvWantString(ctx, e, "k", "after")
		}),
		kvCoreCase("close-leaves-no-goroutine", "027", func(ctx context.Context, e *kvEnv) {
			use := func(ctx context.Context, d ports.KeyValue) {
				for _, m := range kvDeclared(d) {
					// Many of them fail on a key of another type; that they ran is enough.
					_ = m.call(ctx, d, "k")
				}
			}
			use(ctx, e.Driver)
			e.leavesNoGoroutine(ctx, use)
		}),
		unreachable,
		back,
	}
}

func kvUnreachable(ctx context.Context, e *kvEnv) {
	kvSet(ctx, e, "k", "before")
	e.cut(ctx)
	defer e.heal(ctx)
	for _, m := range kvDeclared(e.Driver) {
		bounded, cancel := context.WithTimeout(ctx, e.Timing.Slack)
		err := m.call(bounded, e.Driver, "new")
		cancel()
		kind := ports.KindOf(err)
		e.check(kind == ports.ErrUnavailable || kind == ports.ErrTimeout,
			"%s of an unreachable backend: %v; want unavailable or timeout", m.name, err)
	}
}

func kvBackAgain(ctx context.Context, e *kvEnv) {
	kvSet(ctx, e, "k", "before")
	e.cut(ctx)
	err := e.Driver.Set(ctx, "k", []byte("meanwhile"), ports.SetOptions{})
	e.heal(ctx)
	e.check(err != nil, "set of an unreachable backend returned no error")
	e.eventually(ctx, "a client works once its backend is back", func() bool {
		err = e.Driver.Set(ctx, "k", []byte("after"), ports.SetOptions{})
		return err == nil
	})
	kvWantString(ctx, e, "k", "after")
	for i := range 10 {
		kvSet(ctx, e, "k", fmt.Sprint("again ", i))
	}
}
