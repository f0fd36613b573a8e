package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

func TestParseOptionsRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"-n 5 -requests f":                "-requests and -n are both set",
		"-n -5":                           "-n is -5; valid is 1 or more",
		"-run a/b":                        `-run is "a/b"; valid are letters, digits, "-" and "_"`,
		"-timeout 0s":                     "-timeout is 0s; valid is above 0",
		"-fault stream=2s@1s":             `fault is "stream=2s@1s"; valid is broker=<how long>@<from when>`,
		"-fault broker=2s":                "valid is broker=<how long>@<from when>",
		"-fault broker=0s@1s":             "valid is broker=<how long>@<from when>",
		"-fault broker=2s@-1s":            "valid is broker=<how long>@<from when>",
		"-fault broker=2s@1s -requests -": "-fault needs -n or a file",
		"requests.jsonl":                  `unexpected argument "requests.jsonl"`,
	} {
		var out bytes.Buffer
		if _, err := ParseOptions(strings.Fields(args), &out); err == nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, says %q; want %q", args, err, out.String(), want)
		}
	}
}

func TestParseOptions(t *testing.T) {
	o := flags(t, "-fault", "broker=2s@1s", "-run", "a-B_1")
	if o.Fault != (Fault{For: 2 * time.Second, At: time.Second}) || o.Run != "a-B_1" || o.Fault.String() != "broker=2s@1s" {
		t.Errorf("got %+v", o)
	}
	if a, b := flags(t), flags(t); a.Run == "" || a.Run == b.Run {
		t.Errorf("runs are %q and %q, want tags of their own", a.Run, b.Run)
	}
}

// otherBroker is any but memory's.
type otherBroker struct{ ports.Broker }

func (otherBroker) Name() string { return "other" }
func (otherBroker) As(any) bool  { return false }

func TestFaultIsRefusedOnOtherBrokers(t *testing.T) {
	if _, err := faultOf(otherBroker{}); err == nil || err.Error() != "-fault needs the memory broker; the broker is other" {
		t.Errorf("error is %v", err)
	}
}

func TestProgressLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		tracker := NewTracker()
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		time.AfterFunc(1500*time.Millisecond, tracker.RejectLine)
		showProgress(ctx, &out, 10, tracker.Counts)
		if got := out.String(); got != "1 of 10 requests sent, 1 settled\n" {
			t.Errorf("it shows %q, want a line for what has changed", got)
		}
	})
}
