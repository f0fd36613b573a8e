// Package backends starts real servers on this machine for tests, examples and development: it finds or installs them,
// waits until they answer, kills and freezes them where a test asks for it, and stops exactly what it started, by
// process id. Everything listens on the loopback address, on free ports, and keeps its state in one folder.
package backends

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Set is a group of processes that belong together, such as a cluster's nodes.
type Set struct {
	// Dir holds all state: configuration, data, logs and process ids.
	Dir       string
	processes []*Process
	// detached: the processes outlive this program.
	detached bool
}

// Options of a [Set].
type Options struct {
	// Dir for all state; it is made if it is not there.
	Dir string
	// Detached processes outlive this program, for development; others are killed with it, however it ends.
	Detached bool
}

func newSet(o Options) (*Set, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	return &Set{Dir: dir, detached: o.Detached}, os.MkdirAll(filepath.Join(dir, pidFolder), 0o755)
}

// Stop ends every process of the set, the last started first, and waits until they are gone.
func (s *Set) Stop() error {
	var errs []error
	for i := len(s.processes) - 1; i >= 0; i-- {
		errs = append(errs, s.processes[i].Stop())
	}
	return errors.Join(errs...)
}

// freePorts finds n ports on the loopback address that nobody listens on. All are held open together, so that they
// differ; another program may still take one before its server does, which then says so and is started anew.
func freePorts(ctx context.Context, n int) ([]int, error) {
	var listen net.ListenConfig
	found := make([]int, n)
	for i := range found {
		l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("listener on %v is not TCP", l.Addr())
		}
		found[i] = addr.Port
	}
	return found, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// probeEvery is how often a server that starts is asked whether it is ready: nobody announces it.
const probeEvery = 20 * time.Millisecond

// startWithin bounds how long a server, or a whole set, may take until it is ready.
const startWithin = 30 * time.Second

// errEnded says that there is nothing to wait for any more.
var errEnded = errors.New("the process has ended")

// until asks ready until it holds; the error names what was waited for and the last reason.
func until(ctx context.Context, what string, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		err := ready(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errEnded):
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready within %v: %w", what, startWithin, err)
		case <-tick.C:
		}
	}
}
