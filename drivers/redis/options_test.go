package redis

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// What the fields become for the client library; fields_test.go shows what servers see of them.

func TestRetryDelay(t *testing.T) {
	ms := func(n ...int) (ds []time.Duration) {
		for _, d := range n {
			ds = append(ds, time.Duration(d)*time.Millisecond)
		}
		return ds
	}
	const never = -1
	for _, c := range []struct {
		name string
		edit func(*Config)
		err  error
		want []time.Duration
	}{
		{"default", func(*Config) {}, io.EOF, append(ms(200, 400, 500), never)},
		{"five", func(c *Config) { c.Retries = 5 }, io.EOF, append(ms(200, 400, 500, 500, 500), never)},
		{"timeout", func(*Config) {}, os.ErrDeadlineExceeded, append(ms(200, 400, 500), never)},
		{"no retry on timeout", func(c *Config) { c.RetryOnTimeout = false }, os.ErrDeadlineExceeded, []time.Duration{never}},
		{"a lost connection is no timeout", func(c *Config) { c.RetryOnTimeout = false }, io.EOF, append(ms(200, 400, 500), never)},
		{"no backoff", func(c *Config) { c.RetryBackoff = false }, io.EOF, []time.Duration{0, never}},
		{"nothing was sent", func(c *Config) { c.RetryBackoff = false }, errDialAbandoned, ms(0, 0, 0, 0)},
	} {
		cfg := DefaultConfig()
		c.edit(&cfg)
		for i, want := range c.want {
			if got := cfg.retryDelay(i+1, rueidis.Completed{}, c.err); got != want {
				t.Errorf("%s, attempt %d: %v; want %v", c.name, i+1, got, want)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	c := DefaultConfig()
	c.Host, c.Port, c.SentinelPort, c.HybridPort = "h", 7, 8, 9
	c.SentinelNodes = []Node{{Host: "s1"}, {Host: "s2", Port: 5}}
	for arch, want := range map[Architecture][]string{Standalone: {"h:7"}, Sentinel: {"s1:8", "s2:5"}, Cluster: {"h:7"}, Hybrid: {"h:9"}} {
		if got := c.addresses(arch); !slices.Equal(got, want) {
			t.Errorf("%s: %v; want %v", arch, got, want)
		}
	}
	c.StartupNodes, c.HybridPort = []Node{{Host: "n1"}, {Host: "::1", Port: 5}}, 0
	for arch, want := range map[Architecture][]string{Cluster: {"n1:7", "[::1]:5"}, Hybrid: {"h:7"}} {
		if got := c.addresses(arch); !slices.Equal(got, want) {
			t.Errorf("%s: %v; want %v", arch, got, want)
		}
	}
}

func TestClientOption(t *testing.T) {
	c := DefaultConfig()
	c.ReinitializeSteps, c.HealthCheckInterval = 7, 11*time.Second
	d := newDialer(c, nil)
	o := c.clientOption(Cluster, d)
	if o.ClusterOption.MaxMovedRedirections != 7 || o.ClusterOption.ShardsRefreshInterval != 11*time.Second {
		t.Errorf("%+v", o.ClusterOption)
	}
	if o := c.clientOption(Sentinel, d); o.Sentinel.TopologyRefreshInterval != 11*time.Second {
		t.Errorf("%+v", o.Sentinel)
	}
	c.SlotRefreshAutomatic = false
	if n := c.clientOption(Cluster, d).ClusterOption.ShardsRefreshInterval; n != 0 {
		t.Errorf("the slots are refreshed each %v", n)
	}
	if n := c.clientOption(Sentinel, d).Sentinel.TopologyRefreshInterval; n != 0 {
		t.Errorf("the master is asked for each %v", n)
	}
	for most := 2; most < 40; most++ {
		c.MaxConnections = most
		for _, arch := range []Architecture{Standalone, Cluster} {
			o := c.clientOption(arch, d)
			if shared := 1 << max(o.PipelineMultiplex, 0); shared+o.BlockingPoolSize != most || o.BlockingPoolSize < 1 {
				t.Errorf("%s, MaxConnections %d: %d shared and %d blocking ones", arch, most, shared, o.BlockingPoolSize)
			}
		}
	}
}

func TestDialerMapsAddresses(t *testing.T) {
	c := DefaultConfig()
	c.ClusterHostMapping = map[string]string{"a:1": "x:10", "b": "y:20"}
	d := newDialer(c, nil)
	for addr, want := range map[string]string{"a:1": "x:10", "a:2": "a:2", "b:3": "y:20", "c:1": "c:1"} {
		if got := d.mapped(addr); got != want {
			t.Errorf("%s is reached at %s; want %s", addr, got, want)
		}
	}
}

func TestSocketKeepalive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, want := range []bool{true, false} {
		c := DefaultConfig()
		c.SocketKeepalive = want
		raw, err := newDialer(c, nil).connect(t.Context(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		socket, err := raw.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var on int
		var fault error
		err = socket.Control(func(fd uintptr) { on, fault = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) })
		if err := errors.Join(err, fault, raw.Close()); err != nil {
			t.Fatal(err)
		}
		if on != 0 != want {
			t.Errorf("SO_KEEPALIVE is %d; want it on: %v", on, want)
		}
	}
}
