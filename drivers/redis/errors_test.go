package redis_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/drivers/redis"
	"github.com/breakwater-go/breakwater/ports"
)

// TestAnswersHaveTheirKinds has a server say each answer, through a script.
func TestAnswersHaveTheirKinds(t *testing.T) {
	var raw rueidis.Client
	openClient(t, use(t, standalone)).As(&raw)
	for text, want := range map[string]ports.Kind{
		"NOAUTH Authentication required.":                                        ports.ErrDenied,
		"WRONGPASS invalid username-password pair or user is disabled.":          ports.ErrDenied,
		"NOPERM User app has no permissions to run the 'set' command":            ports.ErrDenied,
		"DENIED Redis is running in protected mode":                              ports.ErrDenied,
		"ERR invalid password":                                                   ports.ErrDenied,
		"WRONGTYPE Operation against a key holding the wrong kind of value":      ports.ErrWrongType,
		"ERR value is not an integer or out of range":                            ports.ErrWrongType,
		"ERR hash value is not an integer":                                       ports.ErrWrongType,
		"ERR value is not a valid float":                                         ports.ErrWrongType,
		"ERR increment or decrement would overflow":                              ports.ErrInvalid,
		"OOM command not allowed when used memory > 'maxmemory'.":                ports.ErrExhausted,
		"ERR max number of clients reached":                                      ports.ErrExhausted,
		"ERR Protocol error: invalid bulk length":                                ports.ErrExhausted,
		"CLUSTERDOWN The cluster is down":                                        ports.ErrUnavailable,
		"LOADING Redis is loading the dataset in memory":                         ports.ErrUnavailable,
		"MASTERDOWN Link with MASTER is down":                                    ports.ErrUnavailable,
		"READONLY You can't write against a read only replica.":                  ports.ErrUnavailable,
		"MISCONF Redis is configured to save RDB snapshots":                      ports.ErrUnavailable,
		"NOREPLICAS Not enough good replicas to write.":                          ports.ErrUnavailable,
		"TRYAGAIN Multiple keys request during rehashing of slot":                ports.ErrUnavailable,
		"NOGROUP No such key 's' or consumer group 'g'":                          ports.ErrNotFound,
		"UNBLOCKED the stream key no longer exists":                              ports.ErrNotFound,
		"ERR The XGROUP subcommand requires the key to exist. Note that for the": ports.ErrNotFound,
		"ERR no such key": ports.ErrNotFound,
		"BUSYGROUP Consumer Group name already exists":                  ports.ErrAlreadyExists,
		"CROSSSLOT Keys in request don't hash to the same slot":         ports.ErrInvalid,
		"ERR Invalid stream ID specified as stream command argument":    ports.ErrInvalid,
		"ERR unknown command 'FOO', with args beginning with: 'secret'": ports.ErrUnsupported,
		"LEASELOST":                         ports.ErrConflict,
		"ERR syntax error":                  ports.ErrInvalid,
		"SOMETHING that a later Redis says": ports.ErrInvalid,
	} {
		answer := raw.Do(t.Context(), raw.B().Eval().Script("return redis.error_reply(ARGV[1])").Numkeys(0).Arg(text).Build()).Error()
		if answer == nil {
			t.Fatalf("%s: no error", text)
		}
		err := redis.ToError(t.Context(), "op", answer)
		if ports.KindOf(err) != want {
			t.Errorf("%v; want %v", err, want)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v quotes an argument", err)
		}
		var inner *rueidis.RedisError
		if !errors.As(err, &inner) {
			t.Errorf("%v hides rueidis's own error", err)
		}
	}
}

func TestFailuresHaveTheirKinds(t *testing.T) {
	live, ended, late := t.Context(), canceled(t), expired(t)
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want ports.Kind
	}{
		{live, rueidis.Nil, ports.ErrNotFound},
		{ended, rueidis.Nil, ports.ErrNotFound}, // the answer was there first
		{live, io.EOF, ports.ErrUnavailable},
		{live, rueidis.ErrClosing, ports.ErrUnavailable},
		{live, rueidis.ErrNoSlot, ports.ErrUnavailable},
		{live, os.ErrDeadlineExceeded, ports.ErrTimeout},
		{live, context.DeadlineExceeded, ports.ErrUnavailable}, // rueidis's own, of a connection
		{live, context.Canceled, ports.ErrUnavailable},         // another call's
		{ended, context.Canceled, ports.ErrCanceled},
		{ended, io.EOF, ports.ErrCanceled},
		{late, context.DeadlineExceeded, ports.ErrTimeout},
		{live, ports.Errorf("redis", "x", ports.ErrConflict, "kept"), ports.ErrConflict},
	} {
		if err := redis.ToError(c.ctx, "op", c.err); ports.KindOf(err) != c.want {
			t.Errorf("%v with context %v is %v; want %v", c.err, c.ctx.Err(), err, c.want)
		}
	}
	if err := redis.ToError(live, "op", nil); err != nil {
		t.Error(err)
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), -1)
	t.Cleanup(cancel)
	return ctx
}
