package redis

import (
	"math"
	"strconv"
	"strings"

	"github.com/breakwater-go/breakwater/ports"
)

// figures collects samples, each name with its labels once: two links may reach the same server.
type figures struct {
	metrics []ports.Sample
	summary map[string]float64
	seen    map[string]bool
}

func newFigures() *figures {
	return &figures{summary: map[string]float64{}, seen: map[string]bool{}}
}

// nodeFigures are fields of INFO that are samples of their own, under the unit and name given here; sum: the summary has
// their sum.
var nodeFigures = []struct {
	field, name, unit string
	sum               string
}{
	{"uptime_in_seconds", "redis_uptime_seconds", "seconds", ""},
	{"used_memory", "redis_memory_used_bytes", "bytes", "memory_used_bytes"},
	{"maxmemory", "redis_memory_max_bytes", "bytes", ""},
	{"mem_fragmentation_ratio", "redis_memory_fragmentation_ratio", "ratio", ""},
	{"evicted_keys", "redis_evicted_keys_total", "keys", "evicted_keys"},
	{"expired_keys", "redis_expired_keys_total", "keys", ""},
	{"keyspace_hits", "redis_keyspace_hits_total", "reads", ""},
	{"keyspace_misses", "redis_keyspace_misses_total", "reads", ""},
	{"connected_clients", "redis_connected_clients", "connections", "connected_clients"},
	{"maxclients", "redis_max_clients", "connections", ""},
	{"blocked_clients", "redis_blocked_clients", "connections", ""},
	{"rejected_connections", "redis_rejected_connections_total", "connections", ""},
	{"total_commands_processed", "redis_commands_total", "commands", ""},
	{"instantaneous_ops_per_sec", "redis_commands_per_second", "commands/second", "commands_per_second"},
	{"total_error_replies", "redis_error_replies_total", "replies", ""},
	{"connected_slaves", "redis_connected_replicas", "replicas", ""},
}

// addSurvey adds the figures of every server of a link, and of its Cluster.
func (f *figures) addSurvey(s survey) {
	for _, n := range s.nodes {
		up := 0.0
		if n.err == nil {
			up = 1
		}
		if f.add("redis_up", "boolean", up, "node", n.addr) {
			f.summary["nodes"]++
			f.summary["nodes_up"] += up
			f.addNode(n)
		}
	}
	if lag, ok := s.lagSeconds(); ok {
		f.summary["replication_lag_seconds"] = max(lag, f.summary["replication_lag_seconds"])
	}
	if s.knowsSlots() {
		f.addSlots(s)
	}
}

func (f *figures) addNode(n nodeAnswer) {
	if n.err != nil || n.limited {
		return
	}
	for _, figure := range nodeFigures {
		v, err := strconv.ParseFloat(n.info[figure.field], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			continue // older servers have fewer fields
		}
		f.add(figure.name, figure.unit, v, "node", n.addr)
		if figure.sum != "" {
			f.summary[figure.sum] += v
		}
	}
	if role := n.role(); role != "" {
		f.add("redis_role", "boolean", 1, "node", n.addr, "role", role)
	}
	keys := n.keys()
	f.add("redis_keys", "keys", keys, "node", n.addr)
	if n.role() == roleMaster {
		f.summary["keys"] += keys
	}
	for _, kind := range []string{"MOVED", "ASK"} {
		v := field(n.info["errorstat_"+kind], "count")
		f.add("redis_redirections_total", "replies", v, "node", n.addr, "kind", kind)
		f.summary["redirections"] += v
	}
	f.addReplication(n)
}

func (f *figures) addReplication(n nodeAnswer) {
	if n.role() == roleReplica {
		up := 0.0
		if n.info["master_link_status"] == "up" {
			up = 1
		}
		f.add("redis_master_link_up", "boolean", up, "node", n.addr)
	}
	for _, r := range n.replicas() {
		f.add("redis_replication_lag_seconds", "seconds", r.lagSeconds, "node", n.addr, "replica", r.addr)
		f.add("redis_replication_lag_bytes", "bytes", r.lagBytes, "node", n.addr, "replica", r.addr)
	}
}

func (f *figures) addSlots(s survey) {
	f.add("redis_cluster_slots_covered", "slots", float64(s.covered()))
	f.summary["slots_covered"] = float64(s.covered())
	for _, n := range s.nodes {
		if slots, ok := s.slots[n.addr]; ok {
			f.add("redis_cluster_slots", "slots", float64(slots), "node", n.addr)
		}
	}
	for _, state := range []string{"ok", "pfail", "fail"} {
		if v, err := strconv.ParseFloat(s.cluster["cluster_slots_"+state], 64); err == nil {
			f.add("redis_cluster_slots_state", "slots", v, "state", state)
		}
	}
}

// addClient adds what is known of this side. rueidis tells nothing of its pool: what is counted are the connections that
// were dialled, and the calls on them.
func (f *figures) addClient(c *Client) {
	links := map[string]*link{"keys": c.keys}
	if c.streams != c.keys {
		links["streams"] = c.streams
	}
	for _, role := range []string{"keys", "streams"} {
		l, ok := links[role]
		if !ok {
			continue
		}
		f.add("redis_client_calls", "calls", float64(l.calls.Load()), "client", role)
		if l.dialer != nil { // connections of a client that was handed in are its own
			n := float64(l.dialer.connections())
			f.add("redis_client_connections", "connections", n, "client", role)
			f.summary["client_connections"] += n
		}
	}
}

// add says whether the sample is new.
func (f *figures) add(name, unit string, value float64, labels ...string) bool {
	series := name + " " + strings.Join(labels, " ")
	if f.seen[series] {
		return false
	}
	f.seen[series] = true
	s := ports.Sample{Name: name, Unit: unit, Value: value}
	for i := 0; i < len(labels); i += 2 {
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[labels[i]] = labels[i+1]
	}
	f.metrics = append(f.metrics, s)
	return true
}

// keys counts those of all databases.
func (n nodeAnswer) keys() (sum float64) {
	for name, value := range n.info {
		if _, err := strconv.Atoi(strings.TrimPrefix(name, "db")); err == nil && strings.HasPrefix(name, "db") {
			sum += field(value, "keys")
		}
	}
	return sum
}

// field is a number in a list of the form name=number,name=number; 0 if it is not there.
func field(list, name string) float64 {
	for _, part := range strings.Split(list, ",") {
		if text, ok := strings.CutPrefix(part, name+"="); ok {
			v, _ := strconv.ParseFloat(text, 64)
			return v
		}
	}
	return 0
}
