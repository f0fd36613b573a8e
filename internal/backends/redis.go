package backends

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Redis is a set of Redis servers.
type Redis struct {
	*Set
	// Nodes are the servers that hold data; for Sentinel the master is the first, for a Cluster the masters come first.
	Nodes []RedisNode
	// Sentinels watch the nodes; only [StartSentinel] has them.
	Sentinels []RedisNode
	// MasterName is how sentinels call the master.
	MasterName string
	// TLS is set by [StartRedisTLS].
	TLS *RedisTLS
}

// RedisNode is one server.
type RedisNode struct {
	*Process
	Addr string
}

// Restart starts the server again, on the data that it has, and waits until it answers.
func (n RedisNode) Restart(ctx context.Context) error {
	if err := n.Process.Restart(); err != nil {
		return err
	}
	return until(ctx, n.Name, n.answers)
}

// answers says why the server does not, or nil.
func (n RedisNode) answers(ctx context.Context) error {
	err := ping(ctx, n.Addr)
	if err != nil && !n.Running() {
		return fmt.Errorf("%w: %s", errEnded, n.lastLog())
	}
	return err
}

// Addrs of the nodes.
func (r *Redis) Addrs() []string { return addrs(r.Nodes) }

// SentinelAddrs of the sentinels.
func (r *Redis) SentinelAddrs() []string { return addrs(r.Sentinels) }

func addrs(nodes []RedisNode) []string {
	list := make([]string, len(nodes))
	for i, n := range nodes {
		list[i] = n.Addr
	}
	return list
}

// redisConf is what every node has; the replication settings let a set come up, and fail over, in seconds instead of tens
// of them.
const redisConf = `bind 127.0.0.1
protected-mode yes
daemonize no
logfile ""
save ""
appendonly no
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-ping-replica-period 1
`

// StartRedis starts one server.
func StartRedis(ctx context.Context, s RedisServer, o Options) (*Redis, error) {
	return startRedis(ctx, s, o, 1, func(r *Redis, ports []int) error {
		return r.startNode(ctx, s, "redis", ports[0], "")
	})
}

// startRedis makes a set and hands build its free ports; whatever fails, nothing is left running.
func startRedis(ctx context.Context, s RedisServer, o Options, ports int, build func(r *Redis, ports []int) error) (_ *Redis, err error) {
	set, err := newSet(o)
	if err != nil {
		return nil, err
	}
	r := &Redis{Set: set}
	free, err := freePorts(ctx, ports)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := build(r, free); err != nil {
		return nil, errors.Join(fmt.Errorf("redis from %s: %w", s.Path, err), r.Stop())
	}
	return r, ctx.Err()
}

// startNode starts a server and waits until it answers.
func (r *Redis) startNode(ctx context.Context, s RedisServer, name string, port int, more string) error {
	p, err := r.startConfigured(s, name, fmt.Sprintf("port %d\n%s%s", port, redisConf, more))
	if err != nil {
		return err
	}
	node := RedisNode{p, loopback(port)}
	r.Nodes = append(r.Nodes, node)
	return until(ctx, name, node.answers)
}

// startConfigured starts a server in a fresh folder of its own: what an earlier one left there would be taken for its own.
func (r *Redis) startConfigured(s RedisServer, name, conf string, args ...string) (*Process, error) {
	dir := filepath.Join(r.Dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf+"dir "+dir+"\n"), 0o600); err != nil {
		return nil, err
	}
	return r.start(name, append([]string{s.Path, file}, args...)...)
}

// masterName is how the sentinels call the master.
const masterName = "mymaster"

// StartSentinel starts a master, two replicas and three sentinels, which fail over within about two seconds.
func StartSentinel(ctx context.Context, s RedisServer, o Options) (*Redis, error) {
	return startRedis(ctx, s, o, 6, func(r *Redis, ports []int) error {
		r.MasterName = masterName
		for i, port := range ports[:3] {
			more := ""
			if i > 0 {
				more = fmt.Sprintf("replicaof 127.0.0.1 %d\n", ports[0])
			}
			if err := r.startNode(ctx, s, "node"+strconv.Itoa(i), port, more); err != nil {
				return err
			}
		}
		// A sentinel asks the master for its replicas at once, and then every ten seconds only: they must be there before.
		err := until(ctx, "two replicas at the master", func(ctx context.Context) error {
			return infoHas(ctx, r.Nodes[0].Addr, "replication", "connected_slaves:2", "state=online", "state=online")
		})
		if err != nil {
			return err
		}
		return r.startSentinels(ctx, s, ports)
	})
}

func (r *Redis) startSentinels(ctx context.Context, s RedisServer, ports []int) error {
	for i, port := range ports[3:] {
		conf := fmt.Sprintf("port %d\nbind 127.0.0.1\ndaemonize no\nlogfile \"\"\n"+
			"sentinel monitor %[2]s 127.0.0.1 %[3]d 2\nsentinel down-after-milliseconds %[2]s 1000\n"+
			"sentinel failover-timeout %[2]s 3000\nsentinel parallel-syncs %[2]s 2\n", port, masterName, ports[0])
		p, err := r.startConfigured(s, "sentinel"+strconv.Itoa(i), conf, "--sentinel")
		if err != nil {
			return err
		}
		r.Sentinels = append(r.Sentinels, RedisNode{p, loopback(port)})
	}
	for _, sentinel := range r.Sentinels {
		if err := until(ctx, sentinel.Name, func(ctx context.Context) error { return quorum(ctx, sentinel.Addr) }); err != nil {
			return err
		}
	}
	return nil
}

// quorum says why a sentinel does not know the whole set yet, or nil.
func quorum(ctx context.Context, addr string) error {
	return ask(addr, func(c rueidis.Client) error {
		m, err := c.Do(ctx, c.B().Arbitrary("SENTINEL", "MASTER", masterName).Build()).AsStrMap()
		if err != nil {
			return err
		}
		if m["num-slaves"] != "2" || m["num-other-sentinels"] != "2" || m["flags"] != "master" {
			return fmt.Errorf("it sees %s replicas, %s other sentinels, a %s", m["num-slaves"], m["num-other-sentinels"], m["flags"])
		}
		return c.Do(ctx, c.B().Arbitrary("SENTINEL", "CKQUORUM", masterName).Build()).Error()
	})
}

// Master is the node that the sentinels call master now.
func (r *Redis) Master(ctx context.Context) (RedisNode, error) {
	var found RedisNode
	err := ask(r.Sentinels[0].Addr, func(c rueidis.Client) error {
		addr, err := c.Do(ctx, c.B().Arbitrary("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).Build()).AsStrSlice()
		if err != nil {
			return err
		}
		for _, n := range r.Nodes {
			if strings.HasSuffix(n.Addr, ":"+addr[1]) {
				found = n
				return nil
			}
		}
		return fmt.Errorf("the sentinels call %v master, which is none of the set", addr)
	})
	return found, err
}

// ask runs a question over a connection of its own to one server, which need not be a lone one.
func ask(addr string, question func(rueidis.Client) error) error {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true, DisableRetry: true,
		ConnWriteTimeout: time.Second,
	})
	if err != nil {
		return err
	}
	defer c.Close()
	return question(c)
}

func ping(ctx context.Context, addr string) error {
	return ask(addr, func(c rueidis.Client) error { return c.Do(ctx, c.B().Ping().Build()).Error() })
}

// infoHas says whether a section of INFO has all the texts, each as often as it is listed.
func infoHas(ctx context.Context, addr, section string, want ...string) error {
	return ask(addr, func(c rueidis.Client) error {
		info, err := c.Do(ctx, c.B().Info().Section(section).Build()).ToString()
		if err != nil {
			return err
		}
		for _, text := range want {
			before, after, ok := strings.Cut(info, text)
			if !ok {
				return fmt.Errorf("no %q in its %s", text, section)
			}
			info = before + after
		}
		return nil
	})
}
