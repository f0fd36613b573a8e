package ports_test

import (
	"strings"
	"testing"

	"github.com/breakwater-go/breakwater/ports"
)

// An error about an argument names it, says what is wrong with it and what would be valid.
func TestStreamArguments(t *testing.T) {
	one := []ports.Field{{Name: "card", Value: []byte("4929-0000")}}
	second := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name string
		err  error
		want string // parts, separated by "|"; "" = no error
	}{
		{"sound entry", ports.ValidateAppend("s", one, ports.AppendOptions{}), ""},
		{"entry without fields", ports.ValidateAppend("s", nil, ports.AppendOptions{}), "fields|valid is one or more"},
		{"negative max len", ports.ValidateAppend("s", one, ports.AppendOptions{MaxLen: -3}), "max len is -3|valid is 1 or more"},
		{"empty stream", ports.ValidateAppend("", one, ports.AppendOptions{}), `stream is ""|valid is any UTF-8`},
		{"stream that is not UTF-8", ports.ValidateAppend("\xff", one, ports.AppendOptions{}), `stream is "\xff"|valid is any UTF-8`},
		{"sound streams", ports.ValidateReadStreams("s", "t"), ""},
		{"no stream", ports.ValidateReadStreams(), "no stream|valid is one or more"},
		{"stream twice", ports.ValidateReadStreams("s", "t", "s"), `stream "s"|valid is once`},
		{"empty consumer", ports.ValidateStreamNames("consumer", ""), `consumer is ""|valid is any UTF-8`},
		{"negative count", second(ports.ReadOptions{Count: -1}.WithDefaults()), "count is -1|valid is 1 or more, or 0 for 100"},
		{"negative count of pending", second(ports.PendingOptions{Count: -1}.WithDefaults()), "count is -1|valid is 1 or more"},
		{"negative idle time", second(ports.PendingOptions{MinIdle: -1}.WithDefaults()), "min idle is -1ns|valid is 0 or more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if (c.err == nil) != (c.want == "") {
				t.Fatalf("error is %v", c.err)
			}
			if c.err == nil {
				return
			}
			for part := range strings.SplitSeq(c.want, "|") {
				if !strings.Contains(c.err.Error(), part) {
					t.Errorf("error %q does not say %q", c.err, part)
				}
			}
			if strings.Contains(c.err.Error(), "4929") {
				t.Errorf("error %q tells a value", c.err)
			}
		})
	}
}

func TestStreamDefaults(t *testing.T) {
	read, err := ports.ReadOptions{}.WithDefaults()
	if err != nil || read.Count != ports.DefaultStreamCount || read.Block != 0 {
		t.Errorf("read options are %+v, %v", read, err)
	}
	pending, err := ports.PendingOptions{Count: 3}.WithDefaults()
	if err != nil || pending.Count != 3 {
		t.Errorf("pending options are %+v, %v", pending, err)
	}
}
