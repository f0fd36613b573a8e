package redis_test

import (
	"context"
	"crypto/rand"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/internal/backends"
	"github.com/breakwater-go/breakwater/ports"
)

// refused opens a client that must not come about: within the connect timeout for each address, and a moment for a busy
// machine.
func refused(t *testing.T, c redis.Config) error {
	t.Helper()
	addresses := max(1, len(c.SentinelNodes), len(c.StartupNodes))
	begin := time.Now()
	client, err := redis.Open(t.Context(), c)
	if client != nil || err == nil {
		t.Fatalf("Open gave %v, %v; want an error", client, err)
	}
	if took, bound := time.Since(begin), time.Duration(addresses)*c.SocketConnectTimeout+time.Second; took > bound {
		t.Errorf("Open failed after %v; want it within %v", took, bound)
	}
	return err
}

func TestOpenSaysWhatToDo(t *testing.T) {
	alone, secure := use(t, standalone), use(t, tlsACL)
	at := func(top *topology, edit func(*redis.Config)) redis.Config {
		c := top.config
		c.SocketConnectTimeout = 500 * time.Millisecond // a handshake on a busy machine
		edit(&c)
		return c
	}
	for _, c := range []struct {
		name   string
		config redis.Config
		kind   ports.Kind
		says   []string
	}{
		{"wrong password", at(secure, func(c *redis.Config) { c.Password = "guess" }), ports.ErrDenied, []string{"WRONGPASS", "set Username and Password"}},
		{"no password", at(secure, func(c *redis.Config) { c.Username, c.Password = "", "" }), ports.ErrDenied, []string{"NOAUTH", "set Username and Password"}},
		{"unknown master", at(use(t, sentinel), func(c *redis.Config) { c.SentinelMasterName = "nobody" }), ports.ErrInvalid, []string{"SentinelMasterName", `"nobody"`, "valid is"}},
		{"no sentinel there", at(alone, func(c *redis.Config) {
			c.SentinelNodes, c.SentinelMasterName = []redis.Node{{Host: c.Host, Port: c.Port}}, "mymaster"
		}), ports.ErrInvalid, []string{"SentinelNodes", "no sentinel answers"}},
		{"no cluster there", at(alone, func(c *redis.Config) { c.Architecture = redis.Cluster }), ports.ErrInvalid, []string{"no node of a Cluster", "set Architecture"}},
		{"no cluster at two nodes", at(alone, func(c *redis.Config) {
			c.Architecture, c.StartupNodes = redis.Cluster, []redis.Node{{Host: c.Host, Port: c.Port}, {Host: "localhost", Port: c.Port}}
		}), ports.ErrInvalid, []string{"no node of a Cluster", "set Architecture"}},
		{"a cluster's node called standalone", at(use(t, cluster), func(c *redis.Config) { c.Architecture = redis.Standalone }), ports.ErrInvalid, []string{"node of a Cluster", "set Architecture to cluster"}},
		{"a sentinel called standalone", at(use(t, sentinel), func(c *redis.Config) {
			c.Architecture, c.Host, c.Port = redis.Standalone, c.SentinelNodes[0].Host, c.SentinelNodes[0].Port
		}), ports.ErrInvalid, []string{"is a sentinel", "SentinelNodes"}},
		{"wrong CA", at(secure, func(c *redis.Config) { c.SSLCACerts = secure.TLS.OtherCA }), ports.ErrDenied, []string{"certificate", "SSLCACerts"}},
		{"system's CAs", at(secure, func(c *redis.Config) { c.SSLCACerts = "" }), ports.ErrDenied, []string{"certificate", "SSLCACerts"}},
		{"missing CA file", at(secure, func(c *redis.Config) { c.SSLCACerts = "/no/ca.crt" }), ports.ErrInvalid, []string{"SSLCACerts", "/no/ca.crt", "PEM"}},
		{"CA file without certificates", at(secure, func(c *redis.Config) { c.SSLCACerts = c.SSLKeyfile }), ports.ErrInvalid, []string{"SSLCACerts", "no certificate"}},
		{"missing key file", at(secure, func(c *redis.Config) { c.SSLKeyfile = "/no/client.key" }), ports.ErrInvalid, []string{"SSLKeyfile", "/no/client.key", "PEM"}},
		{"TLS to a server without", at(alone, func(c *redis.Config) { c.SSL = true }), ports.ErrUnavailable, []string{"SSL"}},
		{"no TLS to a server with", at(secure, func(c *redis.Config) { c.SSL, c.SSLCACerts, c.SSLCertfile, c.SSLKeyfile = false, "", "", "" }), ports.ErrUnavailable, []string{"SSL"}},
		{"nobody listens", at(alone, func(c *redis.Config) { c.Port, c.ClusterHostMapping = freePort(t), nil }), ports.ErrUnavailable, []string{"connection refused"}},
		{"silent server", at(alone, func(c *redis.Config) { c.Port, c.ClusterHostMapping = silentPort(t), nil }), ports.ErrUnavailable, []string{"SocketConnectTimeout"}},
		{"silent TLS server", at(secure, func(c *redis.Config) { c.Port, c.ClusterHostMapping = silentPort(t), nil }), ports.ErrUnavailable, nil},
		{"silent sentinels", at(use(t, sentinel), func(c *redis.Config) {
			c.SentinelNodes, c.ClusterHostMapping = []redis.Node{{Host: "127.0.0.1", Port: silentPort(t)}, {Host: "127.0.0.1", Port: silentPort(t)}}, nil
		}), ports.ErrUnavailable, nil},
		{"silent cluster", at(use(t, cluster), func(c *redis.Config) {
			c.StartupNodes, c.ClusterHostMapping = []redis.Node{{Host: "127.0.0.1", Port: silentPort(t)}}, nil
		}), ports.ErrUnavailable, nil},
		{"no database of that number", at(alone, func(c *redis.Config) { c.DB = 4711 }), ports.ErrInvalid, []string{"DB index"}},
		{"a database of a cluster", at(use(t, cluster), func(c *redis.Config) { c.DB = 1 }), ports.ErrInvalid, []string{"DB is 1", "valid is 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := refused(t, c.config)
			wantKind(t, err, c.kind, c.says...)
			for _, secret := range []string{"guess", "extra", "app-secret"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v shows the password", err)
				}
			}
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	c := use(t, standalone).config
	c.Port, c.ClusterHostMapping, c.SocketConnectTimeout = silentPort(t), nil, 30*time.Second
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	_, err := redis.Open(ctx, c)
	wantKind(t, err, ports.ErrCanceled)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Open returned %v after it began", took)
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return nodeAt(l.Addr().String()).Port
}

// silentPort takes connections and says nothing.
func silentPort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return nodeAt(l.Addr().String()).Port
}

// TestClusterDown begins with a node that has no slots, and then has too few.
func TestClusterDown(t *testing.T) {
	c := redis.DefaultConfig()
	c.Architecture, c.Host, c.Port = redis.Cluster, "127.0.0.1", startLoneNode(t)
	wantKind(t, refused(t, c), ports.ErrUnavailable, "down", "none of its slots")

	raw, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redis.Node{Host: c.Host, Port: c.Port}.String()}, ForceSingleClient: true, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.Do(t.Context(), raw.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", "0", "8191").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	full := c
	full.RequireFullCoverage = true
	wantKind(t, refused(t, full), ports.ErrUnavailable, "8192 of its 16384 slots", "RequireFullCoverage")

	client, err := redis.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close(t.Context()) }()
	keys := redis.NewKeyValue(client)
	// Some lie in slots that the node has and does not serve, some in slots without a node.
	for _, key := range []string{"a", "b", "c", "d"} {
		_, err := keys.Get(t.Context(), key)
		wantKind(t, err, ports.ErrUnavailable, "slots")
		wantKind(t, keys.Set(t.Context(), key, nil, ports.SetOptions{}), ports.ErrUnavailable)
	}
	_, err = keys.MGet(t.Context(), "a", "b", "c", "d")
	wantKind(t, err, ports.ErrUnavailable)
}

// startLoneNode starts a server with cluster support that is in no cluster.
func startLoneNode(t *testing.T) int {
	server, err := backends.FindRedis(t.Context(), filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	cmd := exec.CommandContext(t.Context(), server.Path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes",
		"--cluster-port", strconv.Itoa(freePort(t)), "--dir", t.TempDir(), "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = conn.Close()
			return port
		}
	}
	t.Fatal("the node does not listen")
	return 0
}

func TestCommandRefusedByACL(t *testing.T) {
	top := use(t, tlsACL)
	keys := redis.NewKeyValue(openClient(t, top, func(c *redis.Config) { c.ServiceName = "foreign" })) // the user's keys begin with app
	wantKind(t, keys.Set(t.Context(), "k", nil, ports.SetOptions{}), ports.ErrDenied, "NOPERM", "ACL SETUSER")
	_, err := keys.Get(t.Context(), "k")
	wantKind(t, err, ports.ErrDenied, "NOPERM")
	_, err = keys.Pipeline(t.Context(), ports.PipelineOptions{}, ports.OpSet("k", nil, ports.SetOptions{}))
	wantKind(t, err, ports.ErrDenied)
}

// TestAtomicPipelineWithARightMissing: what the user may not do is found before anything is written.
func TestAtomicPipelineWithARightMissing(t *testing.T) {
	top := use(t, standalone)
	var admin rueidis.Client
	openClient(t, top).As(&admin)
	if err := admin.Do(t.Context(), admin.B().Arbitrary("ACL", "SETUSER", "nozadd", "reset", "on", ">pw", "~*", "&*", "+@all", "-zadd").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	keys := redis.NewKeyValue(openClient(t, top, func(c *redis.Config) { c.Username, c.Password = "nozadd", "pw" }))
	_, err := keys.Pipeline(t.Context(), ports.PipelineOptions{Shard: "s"}, ports.OpSet("{s}:1", []byte("v"), ports.SetOptions{}),
		ports.OpZAdd("{s}:2", ports.Scored{Member: []byte("m")}))
	wantKind(t, err, ports.ErrDenied, "op 1 (zadd)")
	if n, err := keys.Exists(t.Context(), "{s}:1", "{s}:2"); n != 0 || err != nil {
		t.Errorf("%d keys were written (%v)", n, err)
	}
}

func TestOversized(t *testing.T) {
	keys := redis.NewKeyValue(openClient(t, use(t, standalone)))
	ctx := t.Context()
	huge := make([]byte, 512<<20+1)
	if err := keys.Set(ctx, "k", huge, ports.SetOptions{}); err == nil || ports.KindOf(err) != ports.ErrExhausted {
		t.Errorf("set: %v", err)
	}
	wantKind(t, keys.CompareAndSet(ctx, "k", nil, huge, 0), ports.ErrExhausted, "536870913", "536870912")
	replies, err := keys.Pipeline(ctx, ports.PipelineOptions{Batch: true}, ports.Op{Verb: ports.VerbSet, Key: "k", Value: huge}, ports.OpSet("l", nil, ports.SetOptions{}))
	if err != nil || replies[1].Err != nil {
		t.Error(err, replies)
	}
	wantKind(t, replies[0].Err, ports.ErrExhausted)
	_, err = keys.Pipeline(ctx, ports.PipelineOptions{}, ports.Op{Verb: ports.VerbSet, Key: "k", Value: huge})
	if ports.KindOf(err) != ports.ErrExhausted {
		t.Errorf("atomic: %v", err)
	}
	wantKind(t, keys.Set(ctx, rueidis.BinaryString(make([]byte, 512<<20)), nil, ports.SetOptions{}), ports.ErrExhausted, "key")
}

// TestServersOwnSizeLimit: the server closes the connection, and the client goes on with another.
func TestServersOwnSizeLimit(t *testing.T) {
	client := openClient(t, use(t, standalone))
	var raw rueidis.Client
	client.As(&raw)
	limit := func(bytes string) {
		if err := raw.Do(t.Context(), raw.B().ConfigSet().ParameterValue().ParameterValue("proto-max-bulk-len", bytes).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	limit("1048576")
	defer limit("536870912")
	keys := redis.NewKeyValue(client)
	value := make([]byte, 2<<20)
	_, _ = rand.Read(value)
	err := keys.Set(t.Context(), "k", value, ports.SetOptions{})
	if kind := ports.KindOf(err); kind != ports.ErrExhausted && kind != ports.ErrUnavailable {
		t.Errorf("%v; want exhausted, or unavailable where the answer was lost with the connection", err)
	}
	eventually(t, func() bool { return keys.Set(t.Context(), "k", nil, ports.SetOptions{}) == nil })
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatal("not within 10 s")
}

func TestWrongTypes(t *testing.T) {
	for _, name := range topologies() {
		t.Run(name, func(t *testing.T) {
			keys := redis.NewKeyValue(openClient(t, use(t, name)))
			ctx := t.Context()
			if _, err := keys.LPush(ctx, "l", 0, []byte("x")); err != nil {
				t.Fatal(err)
			}
			_, err := keys.Get(ctx, "l")
			wantKind(t, err, ports.ErrWrongType, `"l"`)
			_, err = keys.Incr(ctx, "l", 1)
			wantKind(t, err, ports.ErrWrongType)
			_, err = keys.HSet(ctx, "l", map[string][]byte{"f": nil}, time.Minute)
			wantKind(t, err, ports.ErrWrongType)
			if ttl, err := keys.TTL(ctx, "l"); ttl != 0 || err != nil {
				t.Errorf("the refused HSet left a TTL of %v (%v)", ttl, err)
			}
		})
	}
}
