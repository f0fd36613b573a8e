package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Options are the program's flags.
type Options struct {
	Requests string
	N        int
	Seed     uint64
	JSON     bool
	Run      string
	Fault    Fault
	Timeout  time.Duration
}

// ParseOptions reads the flags; a wrong one has been reported to w with the usage.
func ParseOptions(args []string, w io.Writer) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("booking", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.StringVar(&o.Requests, "requests", "", "read requests from this `file`, one JSON object a line; - is standard input. The sample file unless set")
	flags.IntVar(&o.N, "n", 0, "make `N` requests instead, with the mix of the sample file")
	flags.Uint64Var(&o.Seed, "seed", 0, "make them from this `seed`; 0 = a random one, which is printed")
	flags.BoolVar(&o.JSON, "json", false, "end with the summary as one line of JSON")
	flags.StringVar(&o.Run, "run", "", "`tag` of this run, before the ids of its messages and processes; random unless set")
	flags.Var(&o.Fault, "fault", "make the primary memory broker unavailable: broker=2s@1s is from second 1 on, for 2 s; sends are then spread over 5 s")
	flags.DurationVar(&o.Timeout, "timeout", 5*time.Minute, "give up, and say what is left, after this long")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.Run == "" {
		o.Run = strings.ReplaceAll(uuid.NewString(), "-", "")[:8]
	}
	if err := o.validate(flags.Args()); err != nil {
		say(w, "%v\n", err)
		flags.Usage()
		return o, err
	}
	return o, nil
}

func (o Options) validate(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.N < 0:
		return fmt.Errorf("-n is %d; valid is 1 or more", o.N)
	case o.N > 0 && o.Requests != "":
		return errors.New("-requests and -n are both set; valid is one of them")
	case o.Timeout <= 0:
		return fmt.Errorf("-timeout is %v; valid is above 0", o.Timeout)
	case strings.Trim(o.Run, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "":
		return fmt.Errorf("-run is %q; valid are letters, digits, \"-\" and \"_\"", o.Run)
	case o.Fault.For > 0 && o.Requests == "-":
		return errors.New("-fault needs -n or a file: it spreads the sends over 5 s, and so needs their number")
	}
	return nil
}
