package conformance

import (
	"context"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
)

const goroutineLabel = "breakwater-conformance"

// leavesNoGoroutine opens a second client, lets use work with it, closes it and awaits that every goroutine that was
// started for it has ended. Clients that share something, such as a connection pool, should have used it before.
func (e *env[D]) leavesNoGoroutine(ctx context.Context, use func(ctx context.Context, d D)) {
	label := unique()
	pprof.Do(ctx, pprof.Labels(goroutineLabel, label), func(ctx context.Context) {
		d := e.peer(ctx)
		use(ctx, d)
		e.noError(d.Close(ctx), "close the second client")
	})
	stacks := ""
	for range leakChecks {
		if stacks = labelled(label); stacks == "" {
			return
		}
		e.pause(ctx, e.Timing.Slack/leakChecks)
	}
	e.failf("a closed client left goroutines behind:\n%s", stacks)
}

// leakChecks is how often Timing.Slack is divided while goroutines end.
const leakChecks = 100

var labelLine = regexp.MustCompile(`(?m)^# labels: \{.*"` + goroutineLabel + `":("[^"]*")`)

// labelled lists the stacks of goroutines that carry the label; they inherit it from who started them.
func labelled(label string) string {
	var all strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return fmt.Sprintf("goroutine profile: %v", err)
	}
	var ours []string
	for _, record := range strings.Split(all.String(), "\n\n") {
		if m := labelLine.FindStringSubmatch(record); m != nil && m[1] == strconv.Quote(label) {
			ours = append(ours, record)
		}
	}
	return strings.Join(ours, "\n\n")
}
