package choose_test

import (
	"os"
	"os/signal"
	"testing"

	"go.uber.org/goleak"
)

// TestMain begins the process's one goroutine for signals, which lasts, before any test could begin it in a bubble.
func TestMain(m *testing.M) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}
