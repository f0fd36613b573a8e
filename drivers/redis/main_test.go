package redis_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/conformance"
	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/internal/backends"
	"github.com/breakwater-go/breakwater/ports"
)

var reportsDir = flag.String("conformance.reports", "", "write conformance reports to this `folder`")

// The topologies that every port is held to the contract on.
const (
	standalone = "standalone"
	sentinel   = "sentinel"
	cluster    = "cluster"
	tlsACL     = "tls-acl"
)

func topologies() []string { return []string{standalone, sentinel, cluster, tlsACL} }

// servers are the topologies that this test binary has started, each once, when first asked for.
var servers struct {
	sync.Mutex
	dir   string
	known map[string]*topology
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := stopServers(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func stopServers() error {
	servers.Lock()
	defer servers.Unlock()
	var errs []error
	for _, top := range servers.known {
		for _, p := range top.proxies {
			p.Close()
		}
		errs = append(errs, top.Stop())
	}
	if servers.dir != "" {
		errs = append(errs, os.RemoveAll(servers.dir))
	}
	return errors.Join(errs...)
}

// topology is real servers, each behind a proxy that can be cut.
type topology struct {
	*backends.Redis
	name    string
	proxies []*backends.Proxy
	// config reaches the servers through the proxies.
	config redis.Config
}

// use gives a topology, started if it was not.
func use(t testing.TB, name string) *topology {
	t.Helper()
	if testing.Short() {
		t.Skip("needs real servers; -short is for what needs none")
	}
	servers.Lock()
	defer servers.Unlock()
	if top, ok := servers.known[name]; ok {
		return top
	}
	top, err := startTopology(context.Background(), name) //nolint:usetesting // it outlives the test that asks first
	if err != nil {
		t.Fatal(err)
	}
	if servers.known == nil {
		servers.known = map[string]*topology{}
	}
	servers.known[name] = top
	return top
}

func startTopology(ctx context.Context, name string) (*topology, error) {
	server, err := backends.FindRedis(ctx, filepath.Join(os.TempDir(), "breakwater-backends"))
	if err != nil {
		return nil, err
	}
	if servers.dir == "" {
		if servers.dir, err = os.MkdirTemp("", "breakwater-redis"); err != nil {
			return nil, err
		}
	}
	start := map[string]func(context.Context, backends.RedisServer, backends.Options) (*backends.Redis, error){
		standalone: backends.StartRedis, sentinel: backends.StartSentinel, cluster: backends.StartCluster, tlsACL: backends.StartRedisTLS,
	}[name]
	r, err := start(ctx, server, backends.Options{Dir: filepath.Join(servers.dir, name)})
	if err != nil {
		return nil, err
	}
	top := &topology{Redis: r, name: name, config: redis.DefaultConfig()}
	return top, top.configure()
}

// configure puts a proxy before each server, and points the configuration there.
func (top *topology) configure() error {
	c := &top.config
	c.ClusterHostMapping = map[string]string{}
	for _, addr := range append(top.Addrs(), top.SentinelAddrs()...) {
		p, err := backends.NewProxy(addr)
		if err != nil {
			return err
		}
		top.proxies = append(top.proxies, p)
		c.ClusterHostMapping[addr] = p.Addr
	}
	first := nodeAt(top.Nodes[0].Addr)
	c.Host, c.Port = first.Host, first.Port
	switch top.name {
	case sentinel:
		c.Architecture, c.SentinelMasterName = redis.Sentinel, top.MasterName
		for _, addr := range top.SentinelAddrs() {
			c.SentinelNodes = append(c.SentinelNodes, nodeAt(addr))
		}
	case cluster:
		c.Architecture = redis.Cluster
		for _, addr := range top.Addrs() {
			c.StartupNodes = append(c.StartupNodes, nodeAt(addr))
		}
	case tlsACL:
		c.SSL, c.SSLCACerts, c.SSLCertfile, c.SSLKeyfile = true, top.TLS.CA, top.TLS.ClientCert, top.TLS.ClientKey
		c.Username, c.Password, c.ServiceName = top.TLS.User, redis.Secret(top.TLS.Password), top.TLS.Prefix
	}
	return nil
}

func nodeAt(addr string) redis.Node {
	host, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	return redis.Node{Host: host, Port: number}
}

// cut ends all connections and lets no new ones through; heal undoes it.
func (top *topology) cut() {
	for _, p := range top.proxies {
		p.Cut()
	}
}

func (top *topology) heal() error {
	var errs []error
	for _, p := range top.proxies {
		errs = append(errs, p.Heal())
	}
	return errors.Join(errs...)
}

// service is a fresh service name for a namespace; the ACL user of tls-acl may use its own prefix only.
func (top *topology) service(namespace string) string {
	return top.config.ServiceName + "-" + namespace
}

// openClient opens a client of the topology, closed when the test ends.
func openClient(t testing.TB, top *topology, edit ...func(*redis.Config)) *redis.Client {
	t.Helper()
	c := top.config
	c.ServiceName = top.service(strconv.FormatInt(time.Now().UnixNano(), 36))
	for _, e := range edit {
		e(&c)
	}
	client, err := redis.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) //nolint:usetesting // the test's has ended
		defer cancel()
		if err := client.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return client
}

// testConformance holds a port to the contract on every topology. open makes the port on a client; shut, which closes both,
// is what the suite calls as Close, so that it sees the whole life of a client.
func testConformance[D ports.Driver](t *testing.T, timing conformance.Timing,
	open func(client *redis.Client, shut func(context.Context, ports.Driver) error) (D, error),
	run func(*testing.T, conformance.Harness[D]) conformance.Report) {
	t.Helper()
	for _, name := range topologies() {
		t.Run(name, func(t *testing.T) {
			top, timing := use(t, name), timing
			if name == cluster {
				// rueidis closes a connection that it has replaced from a goroutine which first sleeps for five seconds, and
				// replaces some when its first look at the cluster overlaps with its dials.
				timing.Slack = 8 * time.Second
			}
			h := conformance.Harness[D]{
				Backend: backendOf(t, top), Timing: timing,
				Open: func(ctx context.Context, namespace string) (D, error) {
					c := top.config
					c.ServiceName = top.service(namespace)
					client, err := redis.Open(ctx, c)
					if err != nil {
						var none D
						return none, err
					}
					return open(client, func(ctx context.Context, port ports.Driver) error {
						return errors.Join(port.Close(ctx), client.Close(ctx))
					})
				},
				Faults: &conformance.Faults{
					Cut:  func(context.Context, string) error { top.cut(); return nil },
					Heal: func(context.Context, string) error { return top.heal() },
				},
			}
			saveReport(t, name, run(t, h))
		})
	}
}

// backendOf is what reports say of the servers.
func backendOf(t *testing.T, top *topology) string {
	t.Helper()
	var raw rueidis.Client
	openClient(t, top).As(&raw)
	hello, err := raw.Do(t.Context(), raw.B().Hello().Build()).AsMap()
	if err != nil {
		t.Fatal(err)
	}
	text := func(field string) string {
		m := hello[field]
		s, _ := m.ToString()
		return s
	}
	return fmt.Sprintf("%s %s %s", text("server"), text("version"), top.name)
}

// saveReport writes a whole report to the folder of -conformance.reports; what -run picked out of it is none.
func saveReport(t *testing.T, topology string, r conformance.Report) {
	t.Helper()
	whole := 0
	for _, c := range conformance.Cases() {
		if len(c.ID) > len(r.Port) && c.ID[:len(r.Port)+1] == r.Port+"/" {
			whole++
		}
	}
	for _, res := range r.Results {
		if res.Outcome == conformance.NotExercised {
			t.Errorf("%s: not exercised: %s", res.ID, res.Detail)
		}
	}
	if *reportsDir == "" || len(r.Results) != whole {
		return
	}
	if err := os.MkdirAll(*reportsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteFile(filepath.Join(*reportsDir, fmt.Sprintf("%s-%s-%s.json", r.Driver, topology, r.Port))); err != nil {
		t.Error(err)
	}
}
