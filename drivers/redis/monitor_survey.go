package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// survey is what the servers of one link say of themselves.
type survey struct {
	topology  string
	clustered bool
	nodes     []nodeAnswer
	// slots counts the slots of each master, by its address, as one of the nodes sees it; slotsAsked: it was asked.
	slots      map[string]int
	slotsAsked bool
	slotsErr   error
	// cluster is CLUSTER INFO.
	cluster map[string]string
}

// nodeAnswer is one server's INFO.
type nodeAnswer struct {
	addr string
	info map[string]string
	// limited: the server answers, but not INFO to this user.
	limited bool
	err     error
}

const roleMaster, roleReplica = "master", "replica"

// role is "" for a server that does not tell it.
func (n nodeAnswer) role() string {
	if n.info["role"] == "slave" {
		return roleReplica
	}
	return n.info["role"]
}

// survey asks every server of every link once, all at the same time.
func (m *Monitor) survey(ctx context.Context) []survey {
	if m.streams == m.keys {
		return []survey{m.surveyLink(ctx, m.keys)}
	}
	all := make([]survey, 2)
	var asked sync.WaitGroup
	for i, l := range []*link{m.keys, m.streams} {
		asked.Go(func() { all[i] = m.surveyLink(ctx, l) })
	}
	asked.Wait()
	return all
}

func (m *Monitor) surveyLink(ctx context.Context, l *link) survey {
	s := survey{topology: topologyOf(l.Mode()), clustered: l.clustered()}
	nodes := l.Nodes()
	addrs := slices.Sorted(maps.Keys(nodes))
	if !s.clustered {
		// The link itself knows which server it is, also after a failover.
		s.nodes = []nodeAnswer{askNode(ctx, strings.Join(addrs, ","), l)}
		return s
	}
	s.nodes = make([]nodeAnswer, len(addrs))
	var asked sync.WaitGroup
	for i, addr := range addrs {
		asked.Go(func() { s.nodes[i] = askNode(ctx, addr, l.node(nodes[addr])) })
	}
	asked.Wait()
	for _, n := range s.nodes {
		if n.err == nil {
			s.askCluster(ctx, l.node(nodes[n.addr]))
			break
		}
	}
	return s
}

func topologyOf(mode rueidis.ClientMode) string {
	switch mode {
	case rueidis.ClientModeCluster:
		return string(Cluster)
	case rueidis.ClientModeSentinel:
		return string(Sentinel)
	default:
		return string(Standalone)
	}
}

// askNode asks for INFO, and without repetition: what matters is how the server is now. A user who may not ask for it
// still learns whether the server answers.
func askNode(ctx context.Context, addr string, l *link) (n nodeAnswer) {
	n.addr = addr
	defer func() { // it runs on a goroutine of ours
		if p := recover(); p != nil {
			n.err = fmt.Errorf("rueidis panicked: %v", p)
		}
	}()
	text, err := l.do(ctx, l.B().Arbitrary("INFO").Build()).ToString()
	if kind := ports.KindOf(toError(ctx, "info", err)); kind == ports.ErrDenied || kind == ports.ErrUnsupported {
		n.limited = true
		err = l.do(ctx, l.B().Arbitrary("PING").Build()).Error()
	}
	n.info, n.err = parseInfo(text), err
	return n
}

// parseInfo reads lines of the form name:value.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok && !strings.HasPrefix(name, "#") {
			info[name] = value
		}
	}
	return info
}

// askCluster asks one node how it sees the Cluster.
func (s *survey) askCluster(ctx context.Context, l *link) {
	answers := l.doMulti(ctx, l.B().Arbitrary("CLUSTER", "SLOTS").Build(), l.B().Arbitrary("CLUSTER", "INFO").Build())
	s.slotsAsked = true
	s.slots, s.slotsErr = slotOwners(answers[0])
	if text, err := answers[1].ToString(); err == nil {
		s.cluster = parseInfo(text)
	}
}

// slotOwners counts the slots of each master in what CLUSTER SLOTS answered.
func slotOwners(answer rueidis.RedisResult) (map[string]int, error) {
	ranges, err := answer.ToArray()
	if err != nil {
		return nil, err
	}
	owners := map[string]int{}
	for _, r := range ranges {
		parts, err := r.ToArray()
		if err != nil || len(parts) < 3 {
			return nil, errors.New("CLUSTER SLOTS has an entry that is no range with a node")
		}
		first, err1 := parts[0].AsInt64()
		last, err2 := parts[1].AsInt64()
		node, err3 := parts[2].ToArray()
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, err
		}
		addr, err := nodeAddr(node)
		if err != nil {
			return nil, err
		}
		owners[addr] += int(last-first) + 1
	}
	return owners, nil
}

func nodeAddr(node []rueidis.RedisMessage) (string, error) {
	if len(node) < 2 {
		return "", errors.New("CLUSTER SLOTS has a node without an address")
	}
	host, _ := node[0].ToString() // a node that does not know its own says nil
	port, err := node[1].AsInt64()
	return net.JoinHostPort(host, strconv.FormatInt(port, 10)), err
}

// knowsSlots: a node said who has which.
func (s survey) knowsSlots() bool { return s.clustered && s.slotsAsked && s.slotsErr == nil }

// covered counts the slots that have a master.
func (s survey) covered() int {
	n := 0
	for _, slots := range s.slots {
		n += slots
	}
	return n
}

// silent is the first failure when no server answers, else nil.
func (s survey) silent() error {
	var first error
	for _, n := range s.nodes {
		if n.err == nil && !n.limited {
			return nil
		}
		if first == nil && n.err != nil {
			first = n.err
		}
	}
	if first == nil {
		return ports.Errorf(driverName, "stats", ports.ErrDenied, "INFO is denied to this user (%s)", adviceACL)
	}
	return first
}

// replicaState is how a master sees one of its replicas.
type replicaState struct {
	addr   string
	online bool
	// lagSeconds since it was last heard of, lagBytes that it has not acknowledged.
	lagSeconds, lagBytes float64
}

// replicas are those that a master knows.
func (n nodeAnswer) replicas() []replicaState {
	offset, _ := strconv.ParseFloat(n.info["master_repl_offset"], 64)
	var all []replicaState
	for i := 0; ; i++ {
		line, ok := n.info["slave"+strconv.Itoa(i)]
		if !ok {
			return all
		}
		part := map[string]string{}
		for _, p := range strings.Split(line, ",") {
			name, value, _ := strings.Cut(p, "=")
			part[name] = value
		}
		acked, _ := strconv.ParseFloat(part["offset"], 64)
		lag, _ := strconv.ParseFloat(part["lag"], 64)
		all = append(all, replicaState{addr: net.JoinHostPort(part["ip"], part["port"]), online: part["state"] == "online",
			lagSeconds: max(lag, 0), lagBytes: max(offset-acked, 0)})
	}
}

// lagSeconds is the longest lag of a replica that is online; false without any.
func (s survey) lagSeconds() (longest float64, ok bool) {
	for _, n := range s.nodes {
		for _, r := range n.replicas() {
			if r.online {
				longest, ok = max(longest, r.lagSeconds), true
			}
		}
	}
	return longest, ok
}
