package redis

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Config says where Redis is and how to speak with it. Begin with [DefaultConfig]: a field means what it says, also
// when it is zero.
type Config struct {
	// Architecture of the servers; "" = by UseCase, and without one [Standalone], or [Sentinel] if SentinelNodes are set.
	Architecture Architecture
	// UseCase picks the architecture where Architecture is "".
	UseCase UseCase

	// Host and Port of a standalone server, of the proxy of [Hybrid], and of a Cluster's node if there are no
	// StartupNodes. localhost and 6379.
	Host string
	Port int
	// HybridPort overrides Port for [Hybrid]; 0 = Port.
	HybridPort int
	// StartupNodes are nodes of a Cluster to learn the others from; a Port of 0 is Port.
	StartupNodes []Node
	// SentinelNodes are the sentinels; a Port of 0 is SentinelPort.
	SentinelNodes []Node
	// SentinelPort of SentinelNodes without one. 26379.
	SentinelPort int
	// SentinelMasterName is how the sentinels call the master; [Sentinel] needs it.
	SentinelMasterName string
	// ClusterHostMapping replaces addresses that servers announce, for clients that reach them by other ones:
	// "host:port" or "host" (any port) to "host:port". It holds for every connection, also to a sentinel's master.
	ClusterHostMapping map[string]string

	// Username and Password; an empty Username is the user "default", an empty Password no authentication. Sentinels get
	// neither: for those with a password hand in a client, see [New].
	Username string
	Password Secret
	// DB is the database's number; only 0 with a Cluster or a proxy. 0.
	DB int

	// ServiceName is the first part of every key, without colon or brace. All programs that share data share it.
	// safari_pro.
	ServiceName string
	// Slotting lays keys into a Cluster's slots. [Distributed].
	Slotting Slotting

	// MaxConnections bounds the connections to each server, the shared ones and those for blocking calls together; at
	// least 2. A caller waits for one until its context ends. 100.
	MaxConnections int
	// SocketTimeout is how long a server may be silent while an answer is due, before the connection is given up and the
	// call fails: after one to three times this long. A blocking read may wait longer, as it says itself. 500 ms.
	SocketTimeout time.Duration
	// SocketConnectTimeout bounds making a connection, and then again its handshake. 200 ms.
	SocketConnectTimeout time.Duration
	// SocketKeepalive lets the operating system probe idle connections. true.
	SocketKeepalive bool
	// HealthCheckInterval is how often idle connections are pinged, if SocketTimeout does not have it done more often,
	// and how often the sentinels or the Cluster are asked for their master or slots when nothing else gives reason to
	// (see SlotRefreshAutomatic). 30 s.
	HealthCheckInterval time.Duration

	// RetryOnTimeout repeats commands that only read after a timeout too, not only after a lost connection. Writes are
	// never repeated. true.
	RetryOnTimeout bool
	// RetryBackoff pauses before each repetition, 200 ms at first, doubling to 500 ms, and repeats Retries times. Without it
	// there is one repetition, at once. true.
	RetryBackoff bool
	// Retries with RetryBackoff, 3 to 5. 3.
	Retries int

	// HandleMovedRedirects and HandleAskRedirects follow a Cluster's redirections. Only true: the client library always
	// does.
	HandleMovedRedirects bool
	HandleAskRedirects   bool
	// SlotMapCaching remembers which node has which slots. Only true: the client library always does.
	SlotMapCaching bool
	// SlotRefreshAutomatic asks for a Cluster's slots, or Sentinel's master, at each HealthCheckInterval. Without it only
	// redirections, lost connections and the sentinels' announcements do. true.
	SlotRefreshAutomatic bool
	// ReinitializeSteps is after how many redirections the whole slot map is read anew at the latest; the client library
	// does it within a second of the first, so that every value but 0 is kept. One command follows at most this many
	// redirections, then its error comes back. 5.
	ReinitializeSteps int
	// FailoverAwareness follows a master that moves. Only true: the client library always does.
	FailoverAwareness bool
	// ReadFromReplicas permits replicas to answer reads whose context is marked by [StaleOK]; no other read ever goes
	// there. true.
	ReadFromReplicas bool
	// RequireFullCoverage makes Open fail unless every slot of the Cluster has a node. false.
	RequireFullCoverage bool

	// SSL speaks TLS with servers and sentinels. false.
	SSL bool
	// SSLCertReqs says how the server's certificate is checked. [CertRequired].
	SSLCertReqs CertReqs
	// SSLKeyfile and SSLCertfile are PEM files of the client's own certificate; both or neither.
	SSLKeyfile  string
	SSLCertfile string
	// SSLCACerts is a PEM file of authorities to trust instead of the system's.
	SSLCACerts string

	// Logger hears of what no call can report; nil = silent.
	Logger *slog.Logger `env:"-"`
}

// DefaultConfig has every default.
func DefaultConfig() Config {
	return Config{
		Host: "localhost", Port: 6379, SentinelPort: 26379,
		ServiceName: "safari_pro", Slotting: Distributed,
		MaxConnections: 100, SocketTimeout: 500 * time.Millisecond, SocketConnectTimeout: 200 * time.Millisecond,
		SocketKeepalive: true, HealthCheckInterval: 30 * time.Second,
		RetryOnTimeout: true, RetryBackoff: true, Retries: 3,
		HandleMovedRedirects: true, HandleAskRedirects: true, SlotMapCaching: true, SlotRefreshAutomatic: true,
		ReinitializeSteps: 5, FailoverAwareness: true, ReadFromReplicas: true,
		SSLCertReqs: CertRequired,
	}
}

// Secret is text that formatting hides.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString hides the secret.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// CertReqs says how a server's certificate is checked.
type CertReqs string

// The checks, in redis-py's words.
const (
	// CertRequired: an authority that is trusted has signed it, for the host.
	CertRequired CertReqs = "required"
	// CertOptional is the same for a client, since a server always shows one.
	CertOptional CertReqs = "optional"
	// CertNone: none at all. Anybody on the way can read and change everything.
	CertNone CertReqs = "none"
)

// UnmarshalText takes one of the checks.
func (c *CertReqs) UnmarshalText(text []byte) error {
	return parseOne(c, text, CertRequired, CertOptional, CertNone)
}

// parseOne sets a text to one of the valid ones; the error lists them.
func parseOne[T ~string](into *T, text []byte, valid ...T) error {
	if !slices.Contains(valid, T(text)) {
		return fmt.Errorf("valid is %s", oneOf(valid...))
	}
	*into = T(text)
	return nil
}

func oneOf[T ~string](valid ...T) string {
	texts := make([]string, len(valid))
	for i, v := range valid {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// Node is a server's address.
type Node struct {
	Host string
	// Port 0 is the default that the list names.
	Port int
}

// UnmarshalText takes "host" or "host:port"; an IPv6 address stands in brackets.
func (n *Node) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err != nil { // perhaps for want of a port
		host, port, err = net.SplitHostPort(string(text) + ":0")
	}
	number, e := strconv.Atoi(port)
	if err != nil || e != nil || host == "" {
		return errors.New("valid is host or host:port")
	}
	n.Host, n.Port = host, number
	return nil
}

// String is host:port.
func (n Node) String() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// or gives a node without a port the default.
func (n Node) or(port int) string {
	if n.Port == 0 {
		n.Port = port
	}
	return n.String()
}

// Validate says what is wrong with the configuration, naming the field and what would be valid, as [ports.ErrInvalid].
func (c Config) Validate() error {
	for _, check := range []func() error{c.validateArchitecture, c.validateAddresses, c.validateNames, c.validateLimits,
		c.validateFixed, c.validateTLS} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validateArchitecture() error {
	arch, err := c.resolve()
	if err != nil {
		return err
	}
	switch {
	case arch == Sentinel && len(c.SentinelNodes) == 0:
		return invalid("config", "SentinelNodes is empty; architecture %s needs one or more", arch)
	case arch == Sentinel && c.SentinelMasterName == "":
		return invalid("config", "SentinelMasterName is empty; valid is the name in the sentinels' configuration, such as mymaster")
	case c.DB < 0:
		return invalid("config", "DB is %d; valid is 0 or more", c.DB)
	case c.DB != 0 && (arch == Cluster || arch == Hybrid):
		return invalid("config", "DB is %d; valid is 0: architecture %s has no other", c.DB, arch)
	}
	return nil
}

func (c Config) validateAddresses() error {
	if c.Host == "" {
		return invalid("config", "Host is empty; valid is a host name or address")
	}
	for _, p := range []struct {
		field string
		port  int
		zero  bool
	}{{"Port", c.Port, false}, {"HybridPort", c.HybridPort, true}, {"SentinelPort", c.SentinelPort, false}} {
		if err := validatePort(p.field, p.port, p.zero); err != nil {
			return err
		}
	}
	for field, nodes := range map[string][]Node{"StartupNodes": c.StartupNodes, "SentinelNodes": c.SentinelNodes} {
		for i, n := range nodes {
			name := fmt.Sprintf("%s[%d]", field, i)
			if n.Host == "" {
				return invalid("config", "%s.Host is empty; valid is a host name or address", name)
			}
			if err := validatePort(name+".Port", n.Port, true); err != nil {
				return err
			}
		}
	}
	for _, from := range slices.Sorted(maps.Keys(c.ClusterHostMapping)) {
		to := c.ClusterHostMapping[from]
		host, port, err := net.SplitHostPort(to)
		if number, e := strconv.Atoi(port); from == "" || err != nil || e != nil || host == "" || number < 1 || number > 65535 {
			return invalid("config", "ClusterHostMapping maps %q to %q; valid is host or host:port to host:port", from, to)
		}
	}
	return nil
}

func validatePort(field string, port int, zero bool) error {
	if port < 0 || port > 65535 || port == 0 && !zero {
		return invalid("config", "%s is %d; valid is 1 to 65535", field, port)
	}
	return nil
}

func (c Config) validateNames() error {
	if err := validateService(c.ServiceName); err != nil {
		return invalid("config", "ServiceName %w", err)
	}
	return c.Slotting.validate()
}

func (c Config) validateLimits() error {
	switch {
	case c.MaxConnections < 2:
		return invalid("config", "MaxConnections is %d; valid is 2 or more", c.MaxConnections)
	case c.SocketTimeout <= 0:
		return invalid("config", "SocketTimeout is %v; valid is above 0", c.SocketTimeout)
	case c.SocketConnectTimeout <= 0:
		return invalid("config", "SocketConnectTimeout is %v; valid is above 0", c.SocketConnectTimeout)
	case c.HealthCheckInterval <= 0:
		return invalid("config", "HealthCheckInterval is %v; valid is above 0", c.HealthCheckInterval)
	case c.RetryBackoff && (c.Retries < minRetries || c.Retries > maxRetries):
		return invalid("config", "Retries is %d; valid is %d to %d", c.Retries, minRetries, maxRetries)
	case c.ReinitializeSteps < 1:
		return invalid("config", "ReinitializeSteps is %d; valid is 1 or more: the client library always reads the slots anew after redirections", c.ReinitializeSteps)
	}
	return nil
}

const minRetries, maxRetries = 3, 5

// validateFixed refuses what the client library cannot give.
func (c Config) validateFixed() error {
	for _, f := range []struct {
		field string
		on    bool
		why   string
	}{
		{"HandleMovedRedirects", c.HandleMovedRedirects, "follows MOVED"},
		{"HandleAskRedirects", c.HandleAskRedirects, "follows ASK"},
		{"SlotMapCaching", c.SlotMapCaching, "remembers the slots"},
		{"FailoverAwareness", c.FailoverAwareness, "follows a failover"},
	} {
		if !f.on {
			return invalid("config", "%s is false; valid is true: the client library always %s (begin with redis.DefaultConfig)", f.field, f.why)
		}
	}
	return nil
}

func (c Config) validateTLS() error {
	switch {
	case !slices.Contains([]CertReqs{CertRequired, CertOptional, CertNone}, c.SSLCertReqs):
		return invalid("config", "SSLCertReqs is %q; valid is %s", c.SSLCertReqs, oneOf(CertRequired, CertOptional, CertNone))
	case (c.SSLKeyfile == "") != (c.SSLCertfile == ""):
		return invalid("config", "one of SSLKeyfile and SSLCertfile is empty; valid is both or neither")
	case !c.SSL && (c.SSLKeyfile != "" || c.SSLCACerts != ""):
		return invalid("config", "SSL is false beside SSLKeyfile, SSLCertfile or SSLCACerts; valid is true, or none of these")
	}
	return nil
}

// invalid is what a wrong argument or configuration gives.
func invalid(op, format string, args ...any) error {
	return ports.Errorf(driverName, op, ports.ErrInvalid, format, args...)
}
