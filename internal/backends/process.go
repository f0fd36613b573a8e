package backends

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	pidFolder = "pids"
	// stopWithin is how long a process may take to end by itself before it is killed.
	stopWithin = 10 * time.Second
)

// Process is one server that this package started.
type Process struct {
	Name string
	set  *Set
	argv []string
	cmd  *exec.Cmd
	// ended is closed once the process is gone; nil for one of another program's, found by its process id file.
	ended chan struct{}
	id    processID
}

// processID names a process for good: the kernel gives a number anew, but not with the same start.
type processID struct {
	pid   int
	start string // clock ticks since boot
}

// start runs argv as name, and notes its process id.
func (s *Set) start(name string, argv ...string) (*Process, error) {
	p := &Process{Name: name, set: s, argv: argv}
	s.processes = append(s.processes, p)
	return p, p.Restart()
}

// Restart starts the process again, on the data that it has; it must not run.
func (p *Process) Restart() error {
	log, err := os.OpenFile(filepath.Join(p.set.Dir, p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...) //nolint:noctx // it ends with Stop, not with a call
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, p.set.Dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p.ended = make(chan struct{})
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	if p.id, err = identify(p.cmd.Process.Pid); err != nil {
		return fmt.Errorf("start %s: %w: %s", p.Name, err, p.lastLog())
	}
	return os.WriteFile(p.pidFile(), fmt.Appendf(nil, "%d %s\n", p.id.pid, p.id.start), 0o644)
}

// run stays on the thread that started the process: where the kernel kills a child with its parent, "parent" is the
// thread.
func (p *Process) run(started chan<- error) {
	if !p.set.detached {
		runtime.LockOSThread()
		dieWithParent(p.cmd.SysProcAttr)
	}
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in its log
	}
	close(p.ended)
}

func (p *Process) pidFile() string { return filepath.Join(p.set.Dir, pidFolder, p.Name+".pid") }

// Signal sends sig if the process still runs, by the id that it was started under.
func (p *Process) Signal(sig syscall.Signal) error {
	if !p.Running() {
		return fmt.Errorf("%s does not run", p.Name)
	}
	return syscall.Kill(p.id.pid, sig)
}

// Kill is kill -9, and waits until the process is gone.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	return p.waitGone(stopWithin)
}

// Freeze stops the process without ending it (SIGSTOP); Thaw lets it go on.
func (p *Process) Freeze() error { return p.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() error { return p.Signal(syscall.SIGCONT) }

// Stop asks the process to end, kills it if it does not, and waits until it is gone. It is no error if it was gone.
func (p *Process) Stop() error {
	defer func() { _ = os.Remove(p.pidFile()) }()
	if !p.Running() {
		return nil
	}
	_ = syscall.Kill(p.id.pid, syscall.SIGCONT) // a frozen one cannot end
	if err := syscall.Kill(p.id.pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	if err := p.waitGone(stopWithin); err == nil {
		return nil
	}
	return p.Kill()
}

// Running says whether it is this very process that runs under its number.
func (p *Process) Running() bool {
	id, err := identify(p.id.pid)
	return err == nil && id == p.id
}

func (p *Process) waitGone(patience time.Duration) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	if p.ended != nil {
		select {
		case <-p.ended:
			return nil
		case <-timeout.C:
			return fmt.Errorf("%s (process %d) is still there after %v", p.Name, p.id.pid, patience)
		}
	}
	tick := time.NewTicker(probeEvery) // another program's child: the kernel tells only its parent
	defer tick.Stop()
	for p.Running() {
		select {
		case <-tick.C:
		case <-timeout.C:
			return fmt.Errorf("%s (process %d) is still there after %v", p.Name, p.id.pid, patience)
		}
	}
	return nil
}

// lastLog is what the process said last, for errors.
func (p *Process) lastLog() string {
	data, err := os.ReadFile(filepath.Join(p.set.Dir, p.Name+".log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// identify reads a process's start from the kernel; a zombie counts as gone.
func identify(pid int) (processID, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processID{}, err
	}
	// The name in brackets may hold anything: what follows its last bracket is the state, then numbers.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" {
		return processID{}, fmt.Errorf("process %d has ended", pid)
	}
	return processID{pid, string(fields[19])}, nil
}

// load finds the processes that an earlier program started detached in the folder.
func (s *Set) load() error {
	files, err := filepath.Glob(filepath.Join(s.Dir, pidFolder, "*.pid"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pid, start, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
		n, err := strconv.Atoi(pid)
		if err != nil {
			return fmt.Errorf("%s: no process id", file)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".pid")
		s.processes = append(s.processes, &Process{Name: name, set: s, id: processID{n, start}})
	}
	return nil
}
