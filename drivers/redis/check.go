package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// check asks the servers whether they are what the configuration calls them.
func (c Config) check(ctx context.Context, arch Architecture, l *link) error {
	if arch == Cluster {
		return c.checkCluster(ctx, l)
	}
	if arch == Sentinel {
		return nil // rueidis has asked the sentinels, and the master for its role
	}
	hello, err := l.do(ctx, l.B().Hello().Build()).AsMap()
	if err != nil {
		var answer *rueidis.RedisError
		if errors.As(err, &answer) { // a server that does not know HELLO cannot say
			return nil
		}
		return c.openError(ctx, arch, err)
	}
	mode, ok := hello["mode"]
	if !ok {
		return nil
	}
	switch text, _ := mode.ToString(); text {
	case "cluster":
		return invalid("open", "%s is a node of a Cluster; set Architecture to %s", Node{c.Host, c.Port}, Cluster)
	case "sentinel":
		return invalid("open", "%s is a sentinel; put it into SentinelNodes, and set SentinelMasterName", Node{c.Host, c.Port})
	}
	return nil
}

func (c Config) checkCluster(ctx context.Context, l *link) error {
	if !l.clustered() {
		return invalid("open", "%v is no node of a Cluster (the server has no cluster support enabled); set Architecture to %s, or StartupNodes to nodes of one",
			c.addresses(Cluster), Standalone)
	}
	covered, err := coverage(ctx, l)
	if err != nil {
		return c.openError(ctx, Cluster, err)
	}
	if covered == 0 {
		return ports.Errorf(driverName, "open", ports.ErrUnavailable, "the Cluster of %v is down: none of its slots has a node", c.addresses(Cluster))
	}
	if c.RequireFullCoverage && covered < clusterSlots {
		return ports.Errorf(driverName, "open", ports.ErrUnavailable,
			"the Cluster serves %d of its %d slots; give the others nodes, or set RequireFullCoverage to false", covered, clusterSlots)
	}
	return nil
}

const clusterSlots = 16384

// coverage is how many slots have a node.
func coverage(ctx context.Context, l *link) (int, error) {
	ranges, err := l.do(ctx, l.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return 0, err
	}
	covered := 0
	for _, r := range ranges {
		parts, err := r.ToArray()
		if err != nil || len(parts) < 2 {
			return 0, errors.New("CLUSTER SLOTS has an entry that is no range")
		}
		first, err1 := parts[0].AsInt64()
		last, err2 := parts[1].AsInt64()
		if err := errors.Join(err1, err2); err != nil {
			return 0, err
		}
		covered += int(last-first) + 1
	}
	return covered, nil
}

// openError is toError with what to do about a configuration that the servers refuse.
func (c Config) openError(ctx context.Context, arch Architecture, err error) error {
	if ctx.Err() != nil {
		return ports.ContextError(ctx, driverName, "open")
	}
	addrs := c.addresses(arch)
	text := err.Error()
	_, isAnswer := rueidis.IsRedisErr(err)
	switch {
	case arch == Sentinel && isAnswer && strings.Contains(text, "No such master"), arch == Sentinel && rueidis.IsRedisNil(err):
		return invalid("open", "SentinelMasterName is %q, which the sentinels %v do not know: %w; valid is a name in their configuration", c.SentinelMasterName, addrs, err)
	case arch == Sentinel && isAnswer && (strings.Contains(text, "unknown command") || strings.Contains(text, "SUBSCRIBE")):
		return invalid("open", "SentinelNodes are %v, where no sentinel answers but another server: %w; valid are addresses of sentinels", addrs, withoutArguments(err))
	case arch == Cluster && isAnswer && strings.Contains(text, "cluster support disabled"):
		return invalid("open", "%v is no node of a Cluster: %s; set Architecture to %s, or StartupNodes to nodes of one", addrs, text, Standalone)
	}
	kind, cause := classify(err)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		cause = fmt.Errorf("%w (the server closed the connection: does SSL, which is %v, say what it speaks?)", cause, c.SSL)
	case c.SSL && errors.Is(err, context.DeadlineExceeded):
		cause = fmt.Errorf("%w (or no TLS handshake: does the server speak TLS, as SSL says?)", cause)
	}
	return ports.Errorf(driverName, "open", kind, "%s %v: %w", arch, addrs, cause)
}

// withoutArguments is an answer's text without the arguments that it quotes.
func withoutArguments(err error) error {
	_, cause := classify(err)
	return cause
}
