package choose_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
)

// mydb is what a driver from elsewhere would give: several ports from one client, and a second instance for the fallback.
func mydb(defaults mydbConfig, opened ...*[]mydbConfig) choose.Module {
	note := func(c mydbConfig) {
		for _, o := range opened {
			*o = append(*o, c)
		}
	}
	return choose.Module{
		Roles: []choose.Role{choose.KeyValue, choose.Stream, choose.Broker, choose.Fallback},
		Provide: func(s choose.Selection) (fx.Option, error) {
			cfg := defaults
			if err := s.Decode(&cfg); err != nil {
				return nil, err
			}
			second := cfg
			if s.Has(choose.Broker) && s.Has(choose.Fallback) {
				if err := s.Decode(&second, "FALLBACK_"); err != nil {
					return nil, err
				}
			}
			open := func(lc fx.Lifecycle, cfg mydbConfig) *mydbClient {
				note(cfg)
				c := &mydbClient{memory.NewServer(memory.ServerOptions{})}
				choose.CloseOnStop(lc, c)
				return c
			}
			return fx.Options(
				fx.Provide(func(lc fx.Lifecycle) *mydbClient { return open(lc, cfg) }, fx.Private),
				s.As(choose.KeyValue, func(c *mydbClient) *memory.KeyValue { return memory.NewKeyValue(c.srv) }),
				s.As(choose.Stream, func(c *mydbClient) *memory.Stream { return memory.NewStream(c.srv) }),
				s.As(choose.Broker, func(c *mydbClient) *memory.Broker { return memory.NewBroker(c.srv) }),
				s.As(choose.Fallback, func(lc fx.Lifecycle) *memory.Broker { return memory.NewBroker(open(lc, second).srv) }),
			), nil
		},
	}
}

type mydbClient struct{ srv *memory.Server }

func (*mydbClient) Close(context.Context) error { return nil }

type mydbConfig struct {
	Host          string
	Port          int
	Password      string
	SocketTimeout time.Duration
	Keepalive     bool
	Ratio         float64
	Seeds         []string
	Tags          map[string]string
	Nodes         []node
	Mode          mode
	Hidden        string `env:"-"`
	SSLCertReqs   string
}

type node struct {
	Host string
	Port string
}

func (n *node) UnmarshalText(text []byte) error {
	host, port, ok := strings.Cut(string(text), ":")
	if !ok {
		return errors.New("host:port")
	}
	n.Host, n.Port = host, port
	return nil
}

type mode string

func (m *mode) UnmarshalText(text []byte) error {
	if string(text) != "strict" && string(text) != "loose" {
		return errors.New("one of: strict, loose")
	}
	*m = mode(text)
	return nil
}

func TestDecodeFields(t *testing.T) {
	var opened []mydbConfig
	drivers := map[string]choose.Module{"mydb": mydb(mydbConfig{Host: "default", Port: 1}, &opened)}
	start(t, drivers, vars("KEYVALUE=mydb", "MYDB_PORT=6380", "MYDB_PASSWORD=p w", "MYDB_SOCKET_TIMEOUT=500ms", "MYDB_KEEPALIVE=true",
		"MYDB_RATIO=0.5", "MYDB_SEEDS=a, b,c", "MYDB_TAGS=a=b, c = d=e", "MYDB_NODES=h1:1,h2:2", "MYDB_MODE=strict", "MYDB_SSL_CERT_REQS=none"))
	if len(opened) != 1 {
		t.Fatalf("%d clients opened, want one", len(opened))
	}
	c := opened[0]
	if c.Host != "default" || c.Port != 6380 || c.Password != "p w" || c.SocketTimeout != 500*time.Millisecond || !c.Keepalive ||
		c.Ratio != 0.5 || c.Mode != "strict" || c.SSLCertReqs != "none" {
		t.Errorf("got %+v", c)
	}
	if !slices.Equal(c.Seeds, []string{"a", "b", "c"}) || !maps.Equal(c.Tags, map[string]string{"a": "b", "c": "d=e"}) ||
		!slices.Equal(c.Nodes, []node{{"h1", "1"}, {"h2", "2"}}) {
		t.Errorf("lists and maps: got %+v", c)
	}
}

// TestOneClientServesSeveralPorts and the fallback has one of its own, with its own fields.
func TestOneClientServesSeveralPorts(t *testing.T) {
	var opened []mydbConfig
	drivers := map[string]choose.Module{"mydb": mydb(mydbConfig{}, &opened)}
	start(t, drivers, vars("KEYVALUE=mydb", "STREAM=mydb", "BROKER=mydb", "FALLBACK=mydb", "MYDB_HOST=one", "MYDB_PORT=7", "MYDB_FALLBACK_HOST=two"))
	slices.SortFunc(opened, func(a, b mydbConfig) int { return strings.Compare(a.Host, b.Host) })
	if len(opened) != 2 || opened[0].Host != "one" || opened[1].Host != "two" || opened[1].Port != 7 {
		t.Errorf("opened %+v, want one client for three ports and a second for the fallback", opened)
	}
}

// start builds and starts an application that uses every port that was chosen.
func start(t *testing.T, drivers map[string]choose.Module, env map[string]string) {
	t.Helper()
	o, err := choose.Options(env, choose.Config{}, drivers)
	if err != nil {
		t.Fatal(err)
	}
	var choice choose.Choice
	if err := fx.New(o, fx.NopLogger, fx.Populate(&choice)).Err(); err != nil {
		t.Fatal(err)
	}
	app := fx.New(o, fx.NopLogger, fx.Invoke(users(choice)...))
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for set, want := range map[string]string{
		"MYDB_PORT=6e3":            "BREAKWATER_MYDB_PORT has a value that does not parse; valid is a whole number in the range of int",
		"MYDB_KEEPALIVE=si":        "BREAKWATER_MYDB_KEEPALIVE has a value that does not parse; valid is true or false",
		"MYDB_SOCKET_TIMEOUT=0.5":  "BREAKWATER_MYDB_SOCKET_TIMEOUT has a value that does not parse; valid is a duration such as 500ms or 2s",
		"MYDB_RATIO=half":          "BREAKWATER_MYDB_RATIO has a value that does not parse; valid is a number",
		"MYDB_SEEDS=a,,b":          "BREAKWATER_MYDB_SEEDS has a value that does not parse; valid is a comma-separated list, each any text but the empty one",
		"MYDB_TAGS=a:b":            "BREAKWATER_MYDB_TAGS has a value that does not parse; valid is a comma-separated list of a=b",
		"MYDB_TAGS==b":             "BREAKWATER_MYDB_TAGS has a value that does not parse",
		"MYDB_NODES=h1":            "BREAKWATER_MYDB_NODES has a value that does not parse; valid is what the field takes: host:port",
		"MYDB_MODE=lose":           "BREAKWATER_MYDB_MODE has a value that does not parse; valid is what the field takes: one of: strict, loose",
		"MYDB_HIDDEN=x":            `BREAKWATER_MYDB_HIDDEN is no field of driver "mydb"; valid: BREAKWATER_MYDB_HOST, BREAKWATER_MYDB_KEEPALIVE, BREAKWATER_MYDB_MODE, `,
		"MYDB_FALLBACK_HOST=x":     `BREAKWATER_MYDB_FALLBACK_HOST is no field of driver "mydb"`, // no second instance is chosen
		"MYDB_SOCKETTIMEOUT=500ms": `BREAKWATER_MYDB_SOCKETTIMEOUT is no field of driver "mydb"`,
	} {
		t.Run(set, func(t *testing.T) {
			_, err := choose.Options(vars("KEYVALUE=mydb", set), choose.Config{}, linked())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error is\n  %v\nwant in it\n  %s", err, want)
			}
		})
	}
	t.Run("both of two", func(t *testing.T) {
		_, err := choose.Options(vars("KEYVALUE=mydb", "MYDB_PORT=x", "MYDB_RATIO=y"), choose.Config{}, linked())
		if err == nil || !strings.Contains(err.Error(), "MYDB_PORT") || !strings.Contains(err.Error(), "MYDB_RATIO") {
			t.Errorf("error is %v, want both variables in it", err)
		}
	})
}

func TestDecodeIntoWhatCannotBeRead(t *testing.T) {
	drivers := map[string]choose.Module{"odd": {Roles: []choose.Role{choose.KeyValue}, Provide: func(s choose.Selection) (fx.Option, error) {
		return fx.Options(), s.Decode(&struct{ C chan int }{})
	}}}
	_, err := choose.Options(vars("KEYVALUE=odd", "ODD_C=1"), choose.Config{}, drivers)
	if err == nil || !strings.Contains(err.Error(), "cannot be read from the environment") {
		t.Errorf("error is %v", err)
	}
}

// TestHooksShareOneBudget: a driver that hangs while it closes does not take the turn of the others.
func TestHooksShareOneBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := &closer{}
		hanging := &closer{hang: true}
		app := fx.New(fx.NopLogger, fx.Invoke(func(lc fx.Lifecycle) {
			choose.CloseOnStop(lc, closed)
			choose.CloseOnStop(lc, hanging)
			choose.CloseOnStop(lc, &closer{hang: true})
		}))
		ctx, cancel := context.WithTimeout(t.Context(), fx.DefaultTimeout)
		defer cancel()
		start := time.Now()
		if err := app.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := app.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop gives %v, want the hanging hooks' deadline", err)
		}
		if !closed.done {
			t.Error("the hook behind two that hang had no turn")
		}
		if took := time.Since(start); took >= fx.DefaultTimeout {
			t.Errorf("stopping took %v, want less than the budget of %v", took, fx.DefaultTimeout)
		}
	})
}

type closer struct{ hang, done bool }

func (c *closer) Close(ctx context.Context) error {
	if c.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	c.done = true
	return nil
}

func TestShareWithoutADeadline(t *testing.T) {
	ctx, cancel := choose.Share(context.WithoutCancel(t.Context()))
	defer cancel()
	if _, ok := ctx.Deadline(); ok {
		t.Error("a budget without an end must stay so")
	}
}

// TestZapIsBridged: drivers and fx itself write to the application's logger, fx's chatter at the level for debugging.
func TestZapIsBridged(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	o, err := choose.Options(vars("ENV=local"), choose.Config{}, linked())
	if err != nil {
		t.Fatal(err)
	}
	app := fx.New(o, fx.Supply(zap.New(core).Named("app")), fx.Invoke(func(l choose.Logging) {
		l.Slog("mydb").Warn("attention", "topic", "prices")
	}))
	if err := app.Err(); err != nil {
		t.Fatal(err)
	}
	warned := logs.FilterMessage("attention").All()
	if len(warned) != 1 || warned[0].LoggerName != "app.mydb" || warned[0].Level != zapcore.WarnLevel || warned[0].ContextMap()["topic"] != "prices" {
		t.Errorf("got %+v, want one warning of app.mydb", warned)
	}
	events := logs.Filter(func(e observer.LoggedEntry) bool { return e.LoggerName == "app.fx" })
	if events.Len() == 0 {
		t.Error("fx's events did not reach the logger")
	}
	for _, e := range events.All() {
		if e.Level != zapcore.DebugLevel {
			t.Errorf("%q at level %v, want debug", e.Message, e.Level)
		}
	}
	if choose.Slog(nil, "x") != nil {
		t.Error("no logger must stay no logger: silence")
	}
}

func ExampleModule() {
	o, err := choose.Options(map[string]string{"BREAKWATER_KEYVALUE": "mydb"}, choose.Config{}, map[string]choose.Module{"mydb": mydb(mydbConfig{})})
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(o, fx.Invoke(func(c choose.Choice) { fmt.Println(c) }))
	// Output: keyvalue=mydb
}
