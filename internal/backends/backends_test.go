package backends_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/internal/backends"
)

func server(t *testing.T) backends.RedisServer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real servers; -short is for what needs none")
	}
	s, err := backends.FindRedis(t.Context(), filepath.Join(os.TempDir(), "breakwater-backends"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func client(t *testing.T, o rueidis.ClientOption) rueidis.Client {
	t.Helper()
	o.DisableCache = true
	c, err := rueidis.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func setGet(t *testing.T, c rueidis.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Do(ctx, c.B().Set().Key("app:k").Value("v").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if v, err := c.Do(ctx, c.B().Get().Key("app:k").Build()).ToString(); v != "v" || err != nil {
		t.Fatalf("%q, %v", v, err)
	}
}

func stop(t *testing.T, r *backends.Redis) {
	t.Helper()
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
		for _, n := range append(r.Nodes, r.Sentinels...) {
			if n.Running() {
				t.Errorf("%s still runs", n.Name)
			}
		}
	})
}

func TestSingleSurvivesAKillByRestart(t *testing.T) {
	r, err := backends.StartRedis(t.Context(), server(t), backends.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, r)
	setGet(t, client(t, rueidis.ClientOption{InitAddress: r.Addrs()}))
	if err := r.Nodes[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.DialTimeout("tcp", r.Nodes[0].Addr, time.Second); err == nil {
		t.Error("a killed server still listens")
	}
	if err := r.Nodes[0].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	setGet(t, client(t, rueidis.ClientOption{InitAddress: r.Addrs()}))
}

func TestSentinelFailsOver(t *testing.T) {
	r, err := backends.StartSentinel(t.Context(), server(t), backends.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, r)
	option := rueidis.ClientOption{InitAddress: r.SentinelAddrs(), Sentinel: rueidis.SentinelOption{MasterSet: r.MasterName}}
	c := client(t, option)
	setGet(t, c)
	master, err := r.Master(t.Context())
	if err != nil || master.Addr != r.Nodes[0].Addr {
		t.Fatalf("master %s, %v", master.Addr, err)
	}
	if err := master.Kill(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for c.Do(t.Context(), c.B().Set().Key("app:k").Value("v").Build()).Error() != nil {
		if time.Since(begin) > 20*time.Second {
			t.Fatal("no failover within 20 s")
		}
	}
	if now, err := r.Master(t.Context()); err != nil || now.Addr == master.Addr {
		t.Errorf("master %s, %v", now.Addr, err)
	}
}

func TestClusterServesAllSlots(t *testing.T) {
	r, err := backends.StartCluster(t.Context(), server(t), backends.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, r)
	c := client(t, rueidis.ClientOption{InitAddress: r.Addrs()})
	if c.Mode() != rueidis.ClientModeCluster || len(c.Nodes()) != 6 {
		t.Errorf("mode %v with %d nodes", c.Mode(), len(c.Nodes()))
	}
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		if err := c.Do(t.Context(), c.B().Set().Key(key).Value(key).Build()).Error(); err != nil {
			t.Error(err)
		}
	}
}

func TestTLSDemandsTrustAndRights(t *testing.T) {
	s := server(t)
	if !s.TLS {
		t.Skip("the server at hand was built without TLS")
	}
	r, err := backends.StartRedisTLS(t.Context(), s, backends.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, r)
	if _, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: r.Addrs(), DisableCache: true}); err == nil {
		t.Error("a connection without TLS is taken")
	}
}

func TestProxyCutsAndSlows(t *testing.T) {
	r, err := backends.StartRedis(t.Context(), server(t), backends.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, r)
	p, err := backends.NewProxy(r.Nodes[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c := client(t, rueidis.ClientOption{InitAddress: []string{p.Addr}, ForceSingleClient: true, DisableRetry: true})
	setGet(t, c)
	if err := p.Slow(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	setGet(t, c)
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("two slowed commands took %v", took)
	}
	if err := p.Slow(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if err := c.Do(t.Context(), c.B().Ping().Build()).Error(); err == nil {
		t.Error("a cut connection answers")
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	setGet(t, client(t, rueidis.ClientOption{InitAddress: []string{p.Addr}, ForceSingleClient: true}))
}

func TestAStartThatFailsLeavesNothing(t *testing.T) {
	server(t)
	dir := t.TempDir()
	if _, err := backends.StartRedis(t.Context(), backends.RedisServer{Path: "/bin/false"}, backends.Options{Dir: dir}); err == nil {
		t.Fatal("no error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "pids", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
