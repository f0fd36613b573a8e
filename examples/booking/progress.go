package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// showProgress reports until ctx ends: a bar where w is a terminal, else a line now and then. total 0 = not known.
func showProgress(ctx context.Context, w io.Writer, total int, counts func() Counts) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) { //nolint:gosec // a file descriptor is a small number
		showBar(ctx, w, total, counts)
		return
	}
	showLines(ctx, w, total, counts)
}

func showBar(ctx context.Context, w io.Writer, total int, counts func() Counts) {
	if total == 0 {
		total = -1
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("booking"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("requests"),
		progressbar.OptionFullWidth())
	show := func() { _ = bar.Set(counts().Settled()) } // as for say
	every(ctx, 100*time.Millisecond, show)
	show()
	_ = bar.Exit()
	say(w, "\n")
}

func showLines(ctx context.Context, w io.Writer, total int, counts func() Counts) {
	var last Counts
	every(ctx, time.Second, func() {
		c := counts()
		if c == last {
			return
		}
		last = c
		of := ""
		if total > 0 {
			of = fmt.Sprintf(" of %d", total)
		}
		say(w, "%d%s requests sent, %d settled\n", c.Requests, of, c.Settled())
	})
}

// every calls do at each tick until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}
