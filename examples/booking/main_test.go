package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// asProgram in the environment makes the test's binary the program itself.
const asProgram = "BOOKING_TEST_AS_PROGRAM"

// TestMain begins the process's one goroutine for signals, which lasts, before any test could begin it in a bubble.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// program is the built program with these arguments.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	return cmd
}

func TestProgramEndsWithOneJSONLine(t *testing.T) {
	out, err := program(t, nil, "-n", "1", "-json").Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var s Summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil || s.Requests != 1 || s.Reserved != 1 {
		t.Errorf("the last line is %s (%v)", lines[len(lines)-1], err)
	}
}

func TestProgramReadsStandardInput(t *testing.T) {
	cmd := program(t, nil, "-requests", "-", "-json")
	cmd.Stdin = strings.NewReader(string(collect(1, 1)[0]) + "\n\n  \nno request\n")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `{"requests":2,"reserved":1,"payment_failed":0,"compensated":0,"rejected":1,`) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestProgramRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		env    []string
		args   []string
		status int
		want   string
	}{
		"an unknown driver": {[]string{"BREAKWATER_BROKER=carrier-pigeon"}, []string{"-n", "1"}, 1,
			`BREAKWATER_BROKER is "carrier-pigeon", a driver that this application does not link; valid here: memory`},
		"a missing file":  {nil, []string{"-requests", "no/such/file"}, 1, "no/such/file"},
		"an unknown flag": {nil, []string{"-no-such-flag"}, 2, "no-such-flag"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := program(t, tc.env, tc.args...).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != tc.status || !strings.Contains(string(out), tc.want) {
				t.Errorf("%v\n%s\nwant status %d and %q", err, out, tc.status, tc.want)
			}
		})
	}
}

// TestInterruptedProgram: Ctrl-C in the middle of a long run drains it and says what was left.
func TestInterruptedProgram(t *testing.T) {
	cmd := program(t, nil, "-n", "5000000", "-json")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last, left string
	for lines := bufio.NewScanner(pipe); lines.Scan(); last = lines.Text() {
		if strings.Contains(lines.Text(), "requests sent") && left == "" {
			left = "interrupted"
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(lines.Text(), "left: ") {
			left = lines.Text()
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("the program ended with %v, want status 130", err)
	}
	if !strings.HasSuffix(left, "requests were not sent") {
		t.Errorf("it says %q of what is left", left)
	}
	var s Summary
	if err := json.Unmarshal([]byte(last), &s); err != nil || !s.Sound() || s.Requests == 0 {
		t.Errorf("the last line is %s (%v), want a sound summary", last, err)
	}
}
