package backends

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// addressFile lists the variables that point tests and applications at a set.
const addressFile = "env"

// topologies of the Redis servers that development has, each with the variable that its addresses go by.
func topologies() map[string]struct {
	variable string
	start    func(context.Context, RedisServer, Options) (*Redis, error)
} {
	return map[string]struct {
		variable string
		start    func(context.Context, RedisServer, Options) (*Redis, error)
	}{
		"redis":          {"BREAKWATER_TEST_REDIS", StartRedis},
		"redis-sentinel": {"BREAKWATER_TEST_REDIS_SENTINELS", StartSentinel},
		"redis-cluster":  {"BREAKWATER_TEST_REDIS_CLUSTER", StartCluster},
	}
}

// Up starts every set below dir, detached from this program, and returns the variables that point at them. A set that
// runs is left alone.
func Up(ctx context.Context, dir string) ([]string, error) {
	var server RedisServer
	var variables []string
	all := topologies()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		folder := filepath.Join(dir, name)
		if line, err := os.ReadFile(filepath.Join(folder, addressFile)); err == nil && running(folder) {
			variables = append(variables, strings.TrimSpace(string(line)))
			continue
		}
		if server.Path == "" {
			var err error
			if server, err = FindRedis(ctx, dir); err != nil {
				return variables, err
			}
		}
		r, err := all[name].start(ctx, server, Options{Dir: folder, Detached: true})
		if err != nil {
			return variables, err
		}
		addresses := r.Addrs()
		if len(r.Sentinels) > 0 {
			addresses = r.SentinelAddrs()
		}
		line := all[name].variable + "=" + strings.Join(addresses, ",")
		if err := os.WriteFile(filepath.Join(folder, addressFile), []byte(line+"\n"), 0o644); err != nil {
			return variables, err
		}
		variables = append(variables, line)
	}
	return variables, nil
}

// Down stops what Up started.
func Down(dir string) error {
	for name := range topologies() {
		s := &Set{Dir: filepath.Join(dir, name)}
		if err := s.load(); err != nil {
			return err
		}
		if err := s.Stop(); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(s.Dir, addressFile)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// Status tells, a line each, which processes run.
func Status(dir string) ([]string, error) {
	var lines []string
	all := topologies()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := &Set{Dir: filepath.Join(dir, name)}
		if err := s.load(); err != nil {
			return lines, err
		}
		if len(s.processes) == 0 {
			lines = append(lines, name+": down")
		}
		for _, p := range s.processes {
			state := "down"
			if p.Running() {
				state = fmt.Sprintf("up, process %d", p.id.pid)
			}
			lines = append(lines, fmt.Sprintf("%s/%s: %s", name, p.Name, state))
		}
	}
	return lines, nil
}

// running says whether every process of a set does.
func running(folder string) bool {
	s := &Set{Dir: folder}
	if err := s.load(); err != nil || len(s.processes) == 0 {
		return false
	}
	for _, p := range s.processes {
		if !p.Running() {
			return false
		}
	}
	return true
}
