package redis_test

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// ask gives a raw client of one server, for looking at what the driver did there.
func ask(t *testing.T, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// calls is how often the server has run the command, named as in INFO ("get", "cluster|slots").
func calls(t *testing.T, c rueidis.Client, command string) int {
	t.Helper()
	info, err := c.Do(t.Context(), c.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`cmdstat_` + regexp.QuoteMeta(command) + `:calls=(\d+)`).FindStringSubmatch(info)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

func mustSet(t *testing.T, keys ports.KeyValue, key, value string) {
	t.Helper()
	if err := keys.Set(t.Context(), key, []byte(value), ports.SetOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestFieldDB(t *testing.T) {
	top := use(t, standalone)
	service := func(c *redis.Config) { c.ServiceName = "db-test" }
	one := redis.NewKeyValue(openClient(t, top, service, func(c *redis.Config) { c.DB = 1 }))
	zero := redis.NewKeyValue(openClient(t, top, service))
	mustSet(t, one, "k", "one")
	if _, err := zero.Get(t.Context(), "k"); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("database 0 has the key of database 1: %v", err)
	}
	if v, err := one.Get(t.Context(), "k"); string(v) != "one" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestFieldsServiceNameAndSlotting(t *testing.T) {
	top := use(t, standalone)
	raw := ask(t, top.Nodes[0].Addr)
	for slotting, want := range map[redis.Slotting]string{redis.Distributed: "svc:data:hotel:987:name",
		redis.EntityTagged: "svc:data:{hotel:987}:name", redis.VirtualShards: "{svc_shard_59}:data:hotel:987:name"} {
		client := openClient(t, top, func(c *redis.Config) { c.ServiceName, c.Slotting = "svc", slotting })
		mustSet(t, redis.NewKeyValue(client), "hotel:987:name", string(slotting))
		if v, err := raw.Do(t.Context(), raw.B().Get().Key(want).Build()).ToString(); v != string(slotting) {
			t.Errorf("%s holds %q (%v)", want, v, err)
		}
	}
	cache := redis.NewCacheKeyValue(openClient(t, top, func(c *redis.Config) { c.ServiceName = "svc" }))
	mustSet(t, cache, "k", "cached")
	if v, err := raw.Do(t.Context(), raw.B().Get().Key("svc:cache:k").Build()).ToString(); v != "cached" {
		t.Errorf("svc:cache:k holds %q (%v)", v, err)
	}
}

func TestFieldMaxConnections(t *testing.T) {
	const most = 6
	client := openClient(t, use(t, standalone), func(c *redis.Config) { c.MaxConnections = most })
	var raw rueidis.Client
	client.As(&raw)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 4 * most {
		all.Go(func() { _ = raw.Do(ctx, raw.B().Blpop().Key("nothing").Timeout(0).Build()).Error() })
		all.Go(func() { _ = raw.Do(ctx, raw.B().Get().Key("nothing").Build()).Error() })
	}
	eventually(t, func() bool { return client.Connections() >= most-1 })
	for range 50 {
		if n := client.Connections(); n > most {
			t.Fatalf("%d connections; want %d at most", n, most)
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	all.Wait()
}

func TestFieldsHealthCheckIntervalAndSlotRefreshAutomatic(t *testing.T) {
	top := use(t, cluster)
	slots := func() (n int) {
		for _, addr := range top.Addrs() {
			n += calls(t, ask(t, addr), "cluster|slots")
		}
		return n
	}
	open := func(automatic bool) {
		openClient(t, top, func(c *redis.Config) { c.HealthCheckInterval, c.SlotRefreshAutomatic = 50*time.Millisecond, automatic })
	}
	open(false)
	quiet := slots()
	time.Sleep(400 * time.Millisecond)
	if n := slots() - quiet; n != 0 {
		t.Errorf("without SlotRefreshAutomatic the slots were asked for %d times", n)
	}
	open(true)
	begin := slots()
	eventually(t, func() bool { return slots() >= begin+3 })

	alone := use(t, standalone)
	raw := ask(t, alone.Nodes[0].Addr)
	pings := func() int { return calls(t, raw, "ping") }
	openClient(t, alone, func(c *redis.Config) { c.HealthCheckInterval, c.SocketTimeout = 20*time.Millisecond, 10*time.Second })
	start := pings()
	eventually(t, func() bool { return pings() >= start+5 })
}

func TestFieldsRetry(t *testing.T) {
	top := use(t, standalone)
	took := func(edit func(*redis.Config), call func(*redis.KeyValue) error) time.Duration {
		keys := redis.NewKeyValue(openClient(t, top, edit))
		mustSet(t, keys, "k", "v")
		top.cut()
		defer func() { _ = top.heal() }()
		noticeLoss(t, keys)
		begin := time.Now()
		if err := call(keys); ports.KindOf(err) != ports.ErrUnavailable {
			t.Errorf("%v; want unavailable", err)
		}
		return time.Since(begin)
	}
	get := func(keys *redis.KeyValue) error { _, err := keys.Get(t.Context(), "k"); return err }
	set := func(keys *redis.KeyValue) error { return keys.Set(t.Context(), "k", nil, ports.SetOptions{}) }
	if d := took(func(*redis.Config) {}, get); d < 1100*time.Millisecond {
		t.Errorf("three retries took %v; want 200+400+500 ms at least", d)
	}
	if d := took(func(c *redis.Config) { c.Retries = 4 }, get); d < 1600*time.Millisecond {
		t.Errorf("four retries took %v", d)
	}
	if d := took(func(c *redis.Config) { c.RetryBackoff = false }, get); d > 200*time.Millisecond+scheduling {
		t.Errorf("one retry without a pause took %v", d)
	}
	if d := took(func(*redis.Config) {}, set); d > 200*time.Millisecond+scheduling {
		t.Errorf("a write was repeated: it took %v", d)
	}
}

func TestFieldReadFromReplicas(t *testing.T) {
	for _, name := range []string{sentinel, cluster} {
		t.Run(name, func(t *testing.T) {
			top := use(t, name)
			reads := func() (masters, replicas int) {
				for _, addr := range top.Addrs() {
					raw := ask(t, addr)
					role, err := raw.Do(t.Context(), raw.B().Role().Build()).ToArray()
					if err != nil {
						t.Fatal(err)
					}
					if text, _ := role[0].ToString(); text == "master" {
						masters += calls(t, raw, "get")
					} else {
						replicas += calls(t, raw, "get")
					}
				}
				return masters, replicas
			}
			for _, permitted := range []bool{true, false} {
				client := openClient(t, top, func(c *redis.Config) { c.ReadFromReplicas = permitted })
				keys := redis.NewKeyValue(client)
				mustSet(t, keys, "k", "v")
				get := func(ctx context.Context) {
					if v, err := keys.Get(ctx, "k"); string(v) != "v" {
						t.Errorf("%q, %v", v, err)
					}
				}
				m0, r0 := reads()
				for range 10 {
					get(t.Context())
				}
				m1, r1 := reads()
				if m1-m0 != 10 || r1 != r0 {
					t.Errorf("of 10 plain reads %d went to masters, %d to replicas", m1-m0, r1-r0)
				}
				stale := redis.StaleOK(t.Context())
				eventually(t, func() bool { v, err := keys.Get(stale, "k"); return err == nil && string(v) == "v" })
				m2, r2 := reads()
				for range 10 {
					get(stale)
				}
				m3, r3 := reads()
				if permitted && (r3-r2 != 10 || m3 != m2) || !permitted && (m3-m2 != 10 || r3 != r2) {
					t.Errorf("permitted %v: of 10 stale reads %d went to masters, %d to replicas", permitted, m3-m2, r3-r2)
				}
			}
		})
	}
}

// TestFieldReinitializeSteps: a moved slot is followed, and the slot map read anew.
func TestFieldReinitializeSteps(t *testing.T) {
	top := use(t, cluster)
	client := openClient(t, top, func(c *redis.Config) { c.ServiceName, c.SlotRefreshAutomatic = "moved", false })
	keys := redis.NewKeyValue(client)
	if _, err := keys.Exists(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	first := ask(t, top.Nodes[0].Addr)
	slot, err := first.Do(t.Context(), first.B().ClusterKeyslot().Key("moved:data:k").Build()).AsInt64()
	if err != nil {
		t.Fatal(err)
	}
	move := func(to rueidis.Client) {
		id, err := to.Do(t.Context(), to.B().ClusterMyid().Build()).ToString()
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range top.Nodes[:3] {
			raw := ask(t, node.Addr)
			if err := raw.Do(t.Context(), raw.B().ClusterSetslot().Slot(slot).Node().NodeId(id).Build()).Error(); err != nil {
				t.Fatal(err)
			}
		}
	}
	owner := int(slot) * 3 / 16384
	other := ask(t, top.Nodes[(owner+1)%3].Addr)
	move(other)
	defer move(ask(t, top.Nodes[owner].Addr))
	mustSet(t, keys, "k", "v") // by MOVED
	if v, err := other.Do(t.Context(), other.B().Get().Key("moved:data:k").Build()).ToString(); v != "v" {
		t.Errorf("the new node holds %q (%v)", v, err)
	}
	eventually(t, func() bool { // soon without a redirection
		before := calls(t, ask(t, top.Nodes[owner].Addr), "set")
		mustSet(t, keys, "k", "v")
		return calls(t, ask(t, top.Nodes[owner].Addr), "set") == before
	})
	if _, err := keys.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
}

func TestFieldSSLCertReqs(t *testing.T) {
	top := use(t, tlsACL)
	untrusted := func(c *redis.Config) { c.SSLCACerts = top.TLS.OtherCA }
	keys := redis.NewKeyValue(openClient(t, top, untrusted, func(c *redis.Config) { c.SSLCertReqs = redis.CertNone }))
	mustSet(t, keys, "k", "v")
	c := top.config
	untrusted(&c)
	c.SSLCertReqs = redis.CertOptional
	wantKind(t, refused(t, c), ports.ErrDenied, "certificate")
}
