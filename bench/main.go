// Command bench measures Breakwater's memory drivers beside well-known libraries that do the same work, prints a table and
// writes it as JSON. Each figure is the median of interleaved rounds in one run on one machine: the ratio is what it says,
// the absolute numbers are that machine's.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
)

// fewestRounds make a median.
const fewestRounds = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "interleaved rounds a benchmark, 5 at least")
	only := flags.String("only", "", "benchmarks whose name matches this `regexp`; the report then holds only these")
	path := flags.String("o", "report.json", "`file` to write the report to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < fewestRounds {
		return fmt.Errorf("-rounds is %d; valid is %d or more", *rounds, fewestRounds)
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	var lines []entry
	for _, b := range chosen {
		if _, err := fmt.Fprintln(progress, b.name, "…"); err != nil {
			return err
		}
		all, err := b.compare(ctx, *rounds, b.n)
		if err != nil {
			return err
		}
		lines = append(lines, b.entries(all)...)
	}
	title := fmt.Sprintf("%s %s/%s, %d cores, medians of %d rounds", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), *rounds)
	if err := printTable(out, title, lines); err != nil {
		return err
	}
	return writeReport(*path, lines)
}

// benchmarks lists them all.
func benchmarks() []benchmark {
	return slices.Concat(brokerBenchmarks(), processBenchmarks(), keyValueBenchmarks(), sendBenchmarks())
}

func choose(only string) ([]benchmark, error) {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	chosen := slices.DeleteFunc(benchmarks(), func(b benchmark) bool { return !pattern.MatchString(b.name) })
	if len(chosen) == 0 {
		var names []string
		for _, b := range benchmarks() {
			names = append(names, b.name)
		}
		return nil, fmt.Errorf("-only %q matches no benchmark; there are %q", only, names)
	}
	return chosen, nil
}
