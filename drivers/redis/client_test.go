package redis_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// unblocks fails unless call ends within 100 ms of the end of its context, and a moment for a busy machine.
func unblocks(t *testing.T, name string, call func(context.Context) error) {
	t.Helper()
	const after, bound = 50 * time.Millisecond, 100 * time.Millisecond
	for kind, end := range map[ports.Kind]func(context.Context) (context.Context, context.CancelFunc){
		ports.ErrTimeout: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, after)
		},
		ports.ErrCanceled: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(after, cancel)
			return ctx, cancel
		},
		// A cancel beside a deadline that is far away: what rueidis alone does not heed.
		ports.ErrCanceled + 100: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			time.AfterFunc(after, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := end(t.Context())
		begin := time.Now()
		err := call(ctx)
		took := time.Since(begin)
		cancel()
		if got := ports.KindOf(err); got != kind && got != kind-100 {
			t.Errorf("%s: %v; want %v", name, err, kind)
		}
		if took > after+bound+scheduling {
			t.Errorf("%s: returned %v after its context had ended (%v)", name, took-after, err)
		}
	}
}

// scheduling is what a test allows a machine that does other things too.
const scheduling = 200 * time.Millisecond

// TestCancelUnblocks: on servers that are frozen, over warm connections, cold ones, and past full queues.
func TestCancelUnblocks(t *testing.T) {
	for _, name := range []string{standalone, sentinel, cluster} {
		t.Run(name, func(t *testing.T) {
			top := use(t, name)
			client := openClient(t, top, func(c *redis.Config) { c.SocketTimeout, c.SocketConnectTimeout = 2*time.Second, 2*time.Second })
			keys := redis.NewKeyValue(client)
			many := []string{"a", "b", "c", "d", "e", "f"}
			if _, err := keys.MGet(t.Context(), many...); err != nil {
				t.Fatal(err)
			}
			freeze(t, top)
			get := func(ctx context.Context) error { _, err := keys.Get(ctx, "a"); return err }
			set := func(ctx context.Context) error { return keys.Set(ctx, "a", nil, ports.SetOptions{}) }
			unblocks(t, "get", get)
			unblocks(t, "set", set)
			unblocks(t, "mget", func(ctx context.Context) error { _, err := keys.MGet(ctx, many...); return err })
			unblocks(t, "script", func(ctx context.Context) error {
				return keys.CompareAndSet(ctx, "a", []byte("x"), nil, 0)
			})
			unblocks(t, "batch", func(ctx context.Context) error {
				rs, err := keys.Pipeline(ctx, ports.PipelineOptions{Batch: true}, ports.OpGet("a"), ports.OpGet("b"))
				if err == nil {
					err = rs[0].Err
				}
				return err
			})
			stuck, release := context.WithCancel(t.Context())
			var crowd sync.WaitGroup
			var late atomic.Int64
			released := make(chan time.Time, 1)
			for range 5000 { // more than the queues hold
				crowd.Go(func() {
					_ = get(stuck)
					at := <-released
					released <- at
					if time.Since(at) > time.Second {
						late.Add(1)
					}
				})
			}
			unblocks(t, "get behind a full queue", get)
			released <- time.Now()
			release()
			crowd.Wait()
			if n := late.Load(); n > 5 { // see heededCalls
				t.Errorf("%d of 5000 cancelled calls took more than a second to return", n)
			}
		})
	}
}

// TestCancelUnblocksWhileConnecting: the server takes connections and says nothing.
func TestCancelUnblocksWhileConnecting(t *testing.T) {
	top := use(t, standalone)
	client := openClient(t, top, func(c *redis.Config) { c.SocketConnectTimeout = 5 * time.Second })
	keys := redis.NewKeyValue(client)
	if _, err := keys.Exists(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	freeze(t, top)
	top.cut()
	if err := top.heal(); err != nil {
		t.Fatal(err)
	}
	noticeLoss(t, keys)
	for range 5 { // several connections, each made anew by whoever needs it first
		unblocks(t, "set while connecting", func(ctx context.Context) error { return keys.Set(ctx, "a", nil, ports.SetOptions{}) })
	}
}

// TestOneCallersCancelFailsNobodyElse: callers who wait for a connection that another's call makes.
func TestOneCallersCancelFailsNobodyElse(t *testing.T) {
	top := use(t, standalone)
	client := openClient(t, top, func(c *redis.Config) { c.SocketConnectTimeout, c.SocketTimeout = 5*time.Second, 5*time.Second })
	keys := redis.NewKeyValue(client)
	thaw := freeze(t, top)
	top.cut()
	if err := top.heal(); err != nil {
		t.Fatal(err)
	}
	noticeLoss(t, keys)
	short, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = keys.Set(short, "short", nil, ports.SetOptions{}) })
	}
	errs := make(chan error, 20)
	for range cap(errs) {
		all.Go(func() { errs <- keys.Set(t.Context(), "long", nil, ports.SetOptions{}) })
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	time.AfterFunc(200*time.Millisecond, thaw)
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Errorf("a call whose context lives: %v", err)
		}
	}
}

// noticeLoss: lost connections are noticed by calls; the ones after these make new ones.
func noticeLoss(t *testing.T, keys *redis.KeyValue) {
	for range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = keys.Set(ctx, "lost", nil, ports.SetOptions{})
		cancel()
	}
}

// freeze stops all servers that hold data (SIGSTOP) until the test ends, or the function is called.
func freeze(t *testing.T, top *topology) (thaw func()) {
	t.Helper()
	for _, p := range append(top.Sentinels, top.Nodes...) { // sentinels first, so that none of them acts
		if err := p.Freeze(); err != nil {
			t.Fatal(err)
		}
	}
	thaw = sync.OnceFunc(func() {
		for _, p := range append(top.Nodes, top.Sentinels...) {
			_ = p.Thaw()
		}
	})
	t.Cleanup(thaw)
	return thaw
}

// TestFrozenServerTimesOut: SocketTimeout's effect, without any deadline of the caller's.
func TestFrozenServerTimesOut(t *testing.T) {
	top := use(t, standalone)
	keys := redis.NewKeyValue(openClient(t, top))
	for range 100 { // all of the shared connections are there
		mustSet(t, keys, "a", "")
	}
	thaw := freeze(t, top)
	begin := time.Now()
	err := keys.Set(t.Context(), "a", nil, ports.SetOptions{})
	took := time.Since(begin)
	if kind := ports.KindOf(err); kind != ports.ErrTimeout && kind != ports.ErrUnavailable {
		t.Errorf("%v; want timeout or unavailable", err)
	}
	if socket := redis.DefaultConfig().SocketTimeout; took < socket/2 || took > 3*socket+scheduling {
		t.Errorf("failed after %v; want it between once and three times %v", took, socket)
	}
	thaw()
	eventually(t, func() bool { return keys.Set(t.Context(), "a", nil, ports.SetOptions{}) == nil })
}

func TestCloseEndsEverything(t *testing.T) {
	for _, name := range topologies() {
		t.Run(name, func(t *testing.T) {
			top := use(t, name)
			ignore := goleak.IgnoreCurrent()
			client, err := redis.Open(t.Context(), top.config)
			if err != nil {
				t.Fatal(err)
			}
			keys := redis.NewKeyValue(client)
			if _, err := keys.MGet(t.Context(), "a", "b", "c"); err != nil {
				t.Fatal(err)
			}
			_, _ = keys.Get(redis.StaleOK(t.Context()), "a")
			for range 2 {
				if err := client.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n := client.Connections(); n != 0 {
				t.Errorf("%d connections are open after Close", n)
			}
			_, err = keys.Get(t.Context(), "a")
			wantKind(t, err, ports.ErrClosed)
			goleak.VerifyNone(t, ignore, // the proxies' own
				goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
				goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
				goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
		})
	}
}

// TestCloseOfAFrozenServer waits for no farewell.
func TestCloseOfAFrozenServer(t *testing.T) {
	top := use(t, cluster)
	client, err := redis.Open(t.Context(), top.config)
	if err != nil {
		t.Fatal(err)
	}
	freeze(t, top)
	begin := time.Now()
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestClosingAPortLeavesTheClientOpen(t *testing.T) {
	client := openClient(t, use(t, standalone))
	first, second := redis.NewKeyValue(client), redis.NewKeyValue(client)
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, first.Set(t.Context(), "a", nil, ports.SetOptions{}), ports.ErrClosed)
	if err := second.Set(t.Context(), "a", nil, ports.SetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestNewLeavesTheCallersClientOpen(t *testing.T) {
	top := use(t, standalone)
	var raw rueidis.Client
	openClient(t, top).As(&raw)
	client, err := redis.New(raw, redis.Options{ServiceName: "handed-in"})
	if err != nil {
		t.Fatal(err)
	}
	keys := redis.NewKeyValue(client)
	if err := keys.Set(t.Context(), "a", []byte("v"), ports.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	if v, err := raw.Do(t.Context(), raw.B().Get().Key("handed-in:data:a").Build()).ToString(); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, keys.Set(t.Context(), "a", nil, ports.SetOptions{}), ports.ErrClosed)
	if err := raw.Do(t.Context(), raw.B().Ping().Build()).Error(); err != nil {
		t.Errorf("the caller's client was closed: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	var raw rueidis.Client
	openClient(t, use(t, standalone)).As(&raw)
	_, err := redis.New(nil, redis.Options{})
	wantInvalid(t, err, "client is nil")
	_, err = redis.New(raw, redis.Options{ServiceName: "a:b"})
	wantInvalid(t, err, "ServiceName", `"a:b"`)
	_, err = redis.New(raw, redis.Options{Slotting: "x"})
	wantInvalid(t, err, "Slotting", "distributed")
	_, err = redis.New(raw, redis.Options{SocketTimeout: -1})
	wantInvalid(t, err, "SocketTimeout")
}

func TestAs(t *testing.T) {
	client := openClient(t, use(t, standalone))
	keys := redis.NewKeyValue(client)
	var got *redis.Client
	var raw rueidis.Client
	if !keys.As(&got) || got != client || !keys.As(&raw) || raw == nil {
		t.Error("As does not know *redis.Client and rueidis.Client")
	}
	if keys.Name() != "redis" {
		t.Error(keys.Name())
	}
	if strings.Contains(keys.Name(), " ") {
		t.Error("no short name")
	}
}
