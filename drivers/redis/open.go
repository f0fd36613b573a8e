package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// Open connects to Redis and checks that the servers are what the configuration says. Close the Client. A failure is an
// [*ports.Error]: ErrInvalid for the configuration, ErrDenied for credentials and certificates, ErrUnavailable for servers
// that cannot be reached. It takes no longer than SocketConnectTimeout for each address that does not answer.
func Open(ctx context.Context, c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	arch, err := c.resolve()
	if err != nil {
		return nil, err
	}
	if arch == Hybrid || arch == SmartRouter {
		return nil, ports.Errorf(driverName, "open", ports.ErrUnsupported,
			"architecture %s is not built yet; valid are %s", arch, oneOf(Standalone, Sentinel, Cluster))
	}
	secure, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	l, err := c.connect(ctx, arch, secure, false)
	if err != nil {
		return nil, c.openError(ctx, arch, err)
	}
	client := newClient(l, naming{c.ServiceName, c.Slotting}, c.Logger)
	client.arch = arch
	if err := c.check(ctx, arch, l); err != nil {
		_ = client.Close(ctx)
		return nil, err
	}
	if c.ReadFromReplicas && arch != Standalone {
		client.replicas.open = func(ctx context.Context) (*link, error) { return c.connect(ctx, arch, secure, true) }
	}
	return client, nil
}

// connect makes a link, to replicas only if so asked. A Cluster is entered by one node after the other until one answers:
// rueidis, given several, leaves connections behind when they answer at the same time.
func (c Config) connect(ctx context.Context, arch Architecture, secure *tls.Config, replicas bool) (*link, error) {
	var first error
	for _, addrs := range c.entrances(arch) {
		d := newDialer(c, secure)
		o := c.clientOption(arch, d)
		o.InitAddress, o.ReplicaOnly = addrs, replicas
		l, err := connect(ctx, d, o)
		if err == nil {
			return l, nil
		}
		d.close()
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// entrances are the addresses that a client is made with, one try after the other.
func (c Config) entrances(arch Architecture) [][]string {
	addrs := c.addresses(arch)
	if arch != Cluster {
		return [][]string{addrs}
	}
	return slices.Collect(slices.Chunk(addrs, 1))
}

// connect makes a link on connections that d alone makes for it, and gives up when ctx ends: rueidis takes no context for
// it.
func connect(ctx context.Context, d *dialer, o rueidis.ClientOption) (*link, error) {
	type result struct {
		client rueidis.Client
		err    error
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- result{err: fmt.Errorf("rueidis panicked: %v", p)}
			}
		}()
		client, err := rueidis.NewClient(o)
		if err != nil && client != nil {
			client.Close() // rueidis hands some out beside an error
			client = nil
		}
		done <- result{client, err}
	}()
	stop := context.AfterFunc(ctx, d.close)
	r := <-done
	if r.err != nil {
		stop()
		return nil, r.err
	}
	l := newLink(r.client, d, o.ConnWriteTimeout)
	if !stop() {
		l.end()
		return nil, ctx.Err()
	}
	return l, nil
}

// clientOption is the configuration in rueidis's terms, but for the addresses.
func (c Config) clientOption(arch Architecture, d *dialer) rueidis.ClientOption {
	multiplex := c.multiplex(arch)
	o := rueidis.ClientOption{
		DialCtxFn: d.dial, TLSConfig: d.tls, Username: c.Username, Password: string(c.Password), SelectDB: c.DB,
		DisableCache: true, ConnWriteTimeout: c.SocketTimeout, RetryDelay: c.retryDelay,
		PipelineMultiplex: multiplex, BlockingPoolSize: c.MaxConnections - 1<<max(multiplex, 0),
	}
	// rueidis pings a connection that stays silent this long; the dialer has its own idea of keep-alive.
	o.Dialer.Timeout, o.Dialer.KeepAlive = c.SocketConnectTimeout, min(c.SocketTimeout, c.HealthCheckInterval)
	switch arch {
	case Sentinel:
		o.Sentinel = rueidis.SentinelOption{MasterSet: c.SentinelMasterName, Dialer: o.Dialer, TLSConfig: d.tls}
		if c.SlotRefreshAutomatic {
			o.Sentinel.TopologyRefreshInterval = c.HealthCheckInterval
		}
	case Cluster:
		o.ClusterOption.MaxMovedRedirections = c.ReinitializeSteps
		if c.SlotRefreshAutomatic {
			o.ClusterOption.ShardsRefreshInterval = c.HealthCheckInterval
		}
	default:
		o.ForceSingleClient = true
	}
	return o
}

// addresses to begin with.
func (c Config) addresses(arch Architecture) []string {
	nodes, port := []Node{{c.Host, c.Port}}, c.Port
	switch {
	case arch == Sentinel:
		nodes, port = c.SentinelNodes, c.SentinelPort
	case arch == Cluster && len(c.StartupNodes) > 0:
		nodes = c.StartupNodes
	case arch == Hybrid && c.HybridPort != 0:
		nodes[0].Port = c.HybridPort
	}
	list := make([]string, len(nodes))
	for i, n := range nodes {
		list[i] = n.or(port)
	}
	return list
}

// multiplex is the number of shared connections to a server, as a power of two: what rueidis takes by itself, but never
// more than half of MaxConnections. -1 is one connection; rueidis takes 0 for its own choice.
func (c Config) multiplex(arch Architecture) int {
	limit := min(4, runtime.GOMAXPROCS(0), c.MaxConnections/2)
	if arch == Cluster {
		limit = 1
	}
	if n := bits.Len(uint(limit)) - 1; n > 0 {
		return n
	}
	return -1
}

const firstBackoff, longestBackoff = 200 * time.Millisecond, 500 * time.Millisecond

// retryDelay is the pause before rueidis repeats a command that only reads; negative = it does not.
func (c Config) retryDelay(attempts int, _ rueidis.Completed, err error) time.Duration {
	switch {
	case errors.Is(err, errDialAbandoned):
		return 0 // nothing was sent
	case !c.RetryOnTimeout && errors.Is(err, os.ErrDeadlineExceeded):
		return -1
	case !c.RetryBackoff && attempts == 1:
		return 0
	case !c.RetryBackoff || attempts > c.Retries:
		return -1
	}
	return min(firstBackoff<<(attempts-1), longestBackoff)
}

// tlsConfig reads the certificates; nil = no TLS.
func (c Config) tlsConfig() (*tls.Config, error) {
	if !c.SSL {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.SSLCertReqs == CertNone} //nolint:gosec // the user's explicit choice
	if c.SSLCACerts == "" {
		// The system's are read here and not within the first handshake's time; nil = what Go takes by itself.
		t.RootCAs, _ = x509.SystemCertPool()
	} else {
		pem, err := os.ReadFile(c.SSLCACerts)
		if err != nil {
			return nil, invalid("config", "SSLCACerts cannot be read: %w; valid is a file of certificates in PEM", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, invalid("config", "SSLCACerts %q holds no certificate; valid is a file of certificates in PEM", c.SSLCACerts)
		}
	}
	if c.SSLCertfile != "" {
		pair, err := tls.LoadX509KeyPair(c.SSLCertfile, c.SSLKeyfile)
		if err != nil {
			return nil, invalid("config", "SSLCertfile and SSLKeyfile cannot be used: %w; valid are a certificate and its key in PEM", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
