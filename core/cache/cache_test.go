package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/core/cache"
	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

type tour struct {
	Name string `json:"name"`
	Days int    `json:"days,omitempty"`
}

type traveller struct {
	Passport string `json:"passport"`
}

type payment struct {
	CardNumber string `json:"cardNumber"`
}

// fixture is a cache over two stores that behave alike but are told apart: the first stands for a persistent one.
type fixture struct {
	*cache.Cache
	persistent, volatile *memory.KeyValue
	faults               *memory.Faults
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	srv := memory.NewServer(memory.ServerOptions{})
	f := fixture{persistent: memory.NewKeyValue(srv), volatile: memory.NewKeyValue(nil), faults: srv.Faults()}
	c, err := cache.New(cache.Config{KeyValue: f.persistent, Volatile: f.volatile, Service: "safari_pro"})
	if err != nil {
		t.Fatal(err)
	}
	f.Cache = c
	t.Cleanup(func() {
		_ = f.persistent.Close(context.WithoutCancel(t.Context()))
		_ = f.volatile.Close(context.WithoutCancel(t.Context()))
	})
	return f
}

func wantKind(t *testing.T, err error, kind ports.Kind) {
	t.Helper()
	if ports.KindOf(err) != kind || err == nil {
		t.Errorf("error %v; want %v", err, kind)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ttlOf(t *testing.T, kv ports.KeyValue, key string) time.Duration {
	t.Helper()
	ttl, err := kv.TTL(t.Context(), key)
	must(t, err)
	return ttl
}

func TestValuesComeBackAndExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t), t.Context()
		must(t, cache.Set(ctx, f.Cache, "tour:1", tour{"Serengeti", 4}, cache.WriteOptions{TTL: time.Hour}))
		got, err := cache.Get[tour](ctx, f.Cache, "tour:1")
		if err != nil || got != (tour{"Serengeti", 4}) {
			t.Fatalf("%+v, %v", got, err)
		}
		time.Sleep(time.Hour)
		_, err = cache.Get[tour](ctx, f.Cache, "tour:1")
		wantKind(t, err, ports.ErrNotFound)
	})
}

func TestTheEnvelopeIsTheWiresForm(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	must(t, cache.Set(ctx, f.Cache, "tour:1", tour{Name: "<A&B>"}, cache.WriteOptions{Tenant: "acme", Event: "created"}))
	data, err := f.persistent.Get(ctx, "tour:1")
	must(t, err)
	payload, e, err := wire.DecodeEnvelope(data)
	must(t, err)
	if string(payload) != `{"name":"<A&B>"}` || e.Service != "safari_pro" || e.Type != wire.TypeCache || e.Event != "created" ||
		*e.TenantName != "acme" || e.RequestID == "" || time.Since(e.Timestamp.Time) > time.Minute {
		t.Errorf("%s\n%+v", data, e)
	}
}

func TestSensitivityDecidesWhereAndHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t), t.Context()
		set := func(key string, v any, o cache.WriteOptions) {
			t.Helper()
			must(t, cache.Set(ctx, f.Cache, key, v, o))
		}
		set("low", tour{}, cache.WriteOptions{})
		set("medium", map[string]string{"email": "x"}, cache.WriteOptions{})
		set("high", payment{}, cache.WriteOptions{TTL: time.Hour})
		set("high-short", payment{}, cache.WriteOptions{TTL: time.Minute})
		set("raised", tour{}, cache.WriteOptions{Sensitivity: sensitivity.High})
		set("not-lowered", payment{}, cache.WriteOptions{Sensitivity: sensitivity.Low})
		set("critical", []traveller{{}}, cache.WriteOptions{TTL: time.Hour})
		set("high-bytes", []byte(`{"card":1}`), cache.WriteOptions{})
		set("high-text", `{"card":1}`, cache.WriteOptions{})
		for key, want := range map[string]time.Duration{"low": cache.DefaultTTL, "medium": cache.DefaultTTL, "high": 300 * time.Second,
			"high-short": time.Minute, "raised": 300 * time.Second, "not-lowered": 300 * time.Second, "high-bytes": 300 * time.Second, "high-text": 300 * time.Second} {
			if got := ttlOf(t, f.persistent, key); got != want {
				t.Errorf("%s is kept %v; want %v", key, got, want)
			}
		}
		if got := ttlOf(t, f.volatile, "critical"); got != time.Minute {
			t.Errorf("critical is kept %v", got)
		}
		if n, _ := f.persistent.Exists(ctx, "critical"); n != 0 {
			t.Error("critical was written to the persistent store")
		}
	})
}

func TestRaisingAKeyLeavesNoPersistentCopy(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	must(t, cache.Set(ctx, f.Cache, "k", tour{Name: "old"}, cache.WriteOptions{}))
	must(t, cache.Set(ctx, f.Cache, "k", traveller{"P1"}, cache.WriteOptions{}))
	if n, _ := f.persistent.Exists(ctx, "k"); n != 0 {
		t.Error("the persistent copy is still there")
	}
	got, err := cache.Get[traveller](ctx, f.Cache, "k")
	if err != nil || got.Passport != "P1" {
		t.Errorf("%+v, %v", got, err)
	}
	// And back: the volatile copy must not hide what is written later.
	must(t, cache.Set(ctx, f.Cache, "k", tour{Name: "new"}, cache.WriteOptions{}))
	back, err := cache.Get[tour](ctx, f.Cache, "k")
	if err != nil || back.Name != "new" {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestCriticalWithoutVolatileIsRefused(t *testing.T) {
	kv := memory.NewKeyValue(nil)
	c, err := cache.New(cache.Config{KeyValue: kv, Service: "s"})
	must(t, err)
	err = cache.Set(t.Context(), c, "k", traveller{"P12345"}, cache.WriteOptions{})
	wantKind(t, err, ports.ErrUnsupported)
	if strings.Contains(err.Error(), "P12345") {
		t.Errorf("the error shows the value: %v", err)
	}
	if n, _ := kv.Exists(t.Context(), "k"); n != 0 {
		t.Error("something was written")
	}
}

func TestForeignValues(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	put := func(key, value string) { must(t, f.persistent.Set(ctx, key, []byte(value), ports.SetOptions{})) }
	put("bare", `{"name":"bare"}`)
	put("python", `{"request_id": "1", "event": "update", "type": "cache", "service": "py", "tenant_name": null, "payload": {"name": "py"}, "timestamp": "2026-06-29T10:24:18+00:00"}`)
	put("half", `{"payload": {"name": "x"}, "name":"half"}`)
	put("garbage", `s3cret`)
	put("misfit", `{"name":12345}`)
	for key, want := range map[string]string{"bare": "bare", "python": "py", "half": "half"} {
		if got, err := cache.Get[tour](ctx, f.Cache, key); err != nil || got.Name != want {
			t.Errorf("%s: %+v, %v", key, got, err)
		}
	}
	for _, key := range []string{"garbage", "misfit"} {
		_, err := cache.Get[tour](ctx, f.Cache, key)
		wantKind(t, err, ports.ErrCorrupt)
		if !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "12345") {
			t.Errorf("the error must name the key and not the value: %v", err)
		}
	}
}

func TestGetManyLooksInBothStores(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	must(t, cache.Set(ctx, f.Cache, "a", map[string]int{"n": 1}, cache.WriteOptions{}))
	must(t, cache.Set(ctx, f.Cache, "b", map[string]int{"visa": 2}, cache.WriteOptions{}))
	got, err := cache.GetMany[map[string]int](ctx, f.Cache, "a", "missing", "b")
	must(t, err)
	if len(got) != 2 || got["a"]["n"] != 1 || got["b"]["visa"] != 2 {
		t.Errorf("%v", got)
	}
}

func TestHashesMoveWhenTheyBecomeCritical(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t), t.Context()
		must(t, cache.HSet(ctx, f.Cache, "h", map[string]string{"tour": "Serengeti"}, cache.WriteOptions{}))
		must(t, cache.HSet(ctx, f.Cache, "h", map[string]string{"passport": "P1"}, cache.WriteOptions{}))
		if n, _ := f.persistent.Exists(ctx, "h"); n != 0 {
			t.Error("the persistent copy is still there")
		}
		time.Sleep(50 * time.Second)
		// A later, harmless field neither splits the hash nor lengthens its life.
		must(t, cache.HSet(ctx, f.Cache, "h", map[string]string{"days": "4"}, cache.WriteOptions{}))
		all, err := cache.HGetAll[string](ctx, f.Cache, "h")
		if err != nil || len(all) != 3 || all["tour"] != "Serengeti" || all["passport"] != "P1" {
			t.Errorf("%v, %v", all, err)
		}
		if got, err := cache.HGet[string](ctx, f.Cache, "h", "days"); err != nil || got != "4" {
			t.Errorf("%v, %v", got, err)
		}
		time.Sleep(10 * time.Second)
		if all, err := cache.HGetAll[string](ctx, f.Cache, "h"); err != nil || len(all) != 0 {
			t.Errorf("after a minute: %v, %v", all, err)
		}
		_, err = cache.HGet[string](ctx, f.Cache, "h", "days")
		wantKind(t, err, ports.ErrNotFound)
	})
}

func TestListsAreFirstInFirstOutAlsoWhenTheyMove(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	type element map[string]int
	must(t, cache.Push(ctx, f.Cache, "l", cache.WriteOptions{}, element{"n": 1}, element{"n": 2}))
	must(t, cache.Push(ctx, f.Cache, "l", cache.WriteOptions{}, element{"visa": 3}))
	must(t, cache.Push(ctx, f.Cache, "l", cache.WriteOptions{}, element{"n": 4}))
	if n, _ := f.persistent.Exists(ctx, "l"); n != 0 {
		t.Error("the persistent part is still there")
	}
	for want := 1; want <= 4; want++ {
		got, err := cache.Pop[element](ctx, f.Cache, "l")
		if err != nil || got["n"]+got["visa"] != want {
			t.Fatalf("%v, %v; want %d", got, err, want)
		}
	}
	_, err := cache.Pop[element](ctx, f.Cache, "l")
	wantKind(t, err, ports.ErrNotFound)
}

func TestDeleteReachesBothStores(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	must(t, cache.Set(ctx, f.Cache, "a", tour{}, cache.WriteOptions{}))
	must(t, cache.Set(ctx, f.Cache, "b", traveller{}, cache.WriteOptions{}))
	if n, err := cache.Delete(ctx, f.Cache, "a", "b", "c"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestGetOrLoadLoadsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ctx := newFixture(t), t.Context()
		var loads atomic.Int32
		load := func(context.Context) (map[string]int, error) {
			loads.Add(1)
			time.Sleep(time.Second)
			return map[string]int{"n": 1}, nil
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				got, err := cache.GetOrLoad(ctx, f.Cache, "k", cache.WriteOptions{}, load)
				if err != nil || got["n"] != 1 {
					t.Errorf("%v, %v", got, err)
				}
				got["n"]++ // each caller has a value of its own
			})
		}
		wg.Wait()
		if _, err := cache.GetOrLoad(ctx, f.Cache, "k", cache.WriteOptions{}, load); err != nil || loads.Load() != 1 {
			t.Errorf("%d loads, %v", loads.Load(), err)
		}
	})
}

func TestGetOrLoadOutlivesACallerAndAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		second := make(chan error, 1)
		load := func(context.Context) (int, error) { time.Sleep(time.Second); return 7, nil }
		go func() {
			time.Sleep(time.Millisecond)
			got, err := cache.GetOrLoad(t.Context(), f.Cache, "k", cache.WriteOptions{}, load)
			if err == nil && got != 7 {
				err = fmt.Errorf("got %d", got)
			}
			second <- err
		}()
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := cache.GetOrLoad(ctx, f.Cache, "k", cache.WriteOptions{}, load)
		wantKind(t, err, ports.ErrCanceled)
		must(t, <-second)

		_, err = cache.GetOrLoad(t.Context(), f.Cache, "p", cache.WriteOptions{}, func(context.Context) (int, error) { panic("boom") })
		wantKind(t, err, ports.ErrFailed)
		broken := errors.New("broken")
		_, err = cache.GetOrLoad(t.Context(), f.Cache, "e", cache.WriteOptions{}, func(context.Context) (int, error) { return 0, broken })
		if !errors.Is(err, broken) {
			t.Errorf("the loader's error is %v", err)
		}
	})
}

func TestGetOrLoadAnswersWithoutTheBackend(t *testing.T) {
	f, ctx := newFixture(t), t.Context()
	f.faults.SetUnavailable(memory.PortKeyValue, true)
	got, err := cache.GetOrLoad(ctx, f.Cache, "k", cache.WriteOptions{}, func(context.Context) (int, error) { return 7, nil })
	if err != nil || got != 7 {
		t.Errorf("%d, %v", got, err)
	}
	_, err = cache.Get[int](ctx, f.Cache, "k")
	wantKind(t, err, ports.ErrUnavailable)
}

func TestBadConfigurationIsNamed(t *testing.T) {
	kv := memory.NewKeyValue(nil)
	for want, cfg := range map[string]cache.Config{
		"KeyValue": {Service: "s"},
		"Service":  {KeyValue: kv},
		"TTL":      {KeyValue: kv, Service: "s", TTL: -1},
	} {
		_, err := cache.New(cfg)
		wantKind(t, err, ports.ErrInvalid)
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	c, err := cache.New(cache.Config{KeyValue: kv, Service: "s"})
	must(t, err)
	wantKind(t, cache.Set(t.Context(), c, "k", 1, cache.WriteOptions{TTL: -1}), ports.ErrInvalid)
	wantKind(t, cache.Set(t.Context(), c, "k", func() {}, cache.WriteOptions{}), ports.ErrInvalid)
}

func ExampleGetOrLoad() {
	ctx := context.Background()
	c, err := cache.New(cache.Config{KeyValue: memory.NewKeyValue(nil), Service: "safari_pro"})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := cache.GetOrLoad(ctx, c, "tour:8848", cache.WriteOptions{TTL: time.Hour}, func(context.Context) (tour, error) {
		return tour{Name: "Serengeti", Days: 4}, nil // from the database
	})
	fmt.Println(t.Name, t.Days, err)
	// Output: Serengeti 4 <nil>
}
