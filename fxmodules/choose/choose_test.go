package choose_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.uber.org/fx"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
	"github.com/breakwater-go/breakwater/fxmodules/memoryfx"
	"github.com/breakwater-go/breakwater/ports"
)

// linked are the memory drivers and one that another module could hold.
func linked() map[string]choose.Module {
	return map[string]choose.Module{"memory": memoryfx.Module(memoryfx.Config{}), "mydb": mydb(mydbConfig{})}
}

func TestOptionsChooses(t *testing.T) {
	for name, tc := range map[string]struct {
		env      map[string]string
		defaults choose.Config
		want     string
	}{
		"local fills everything": {env: vars("ENV=local"),
			want: "keyvalue=memory stream=memory broker=memory fallback=memory orchestrator=memory"},
		"test":    {env: vars("ENV=test"), want: allMemory},
		"testing": {env: vars("ENV=testing"), want: allMemory},
		"dev":     {env: vars("ENV=dev"), want: allMemory},
		"local from the struct": {defaults: choose.Config{Env: "local"},
			want: allMemory},
		"one driver beside memory": {env: vars("ENV=local", "KEYVALUE=mydb"),
			want: "keyvalue=mydb stream=memory broker=memory fallback=memory orchestrator=memory"},
		"another primary gets no fallback": {env: vars("ENV=local", "BROKER=mydb"),
			want: "keyvalue=memory stream=memory broker=mydb orchestrator=memory"},
		"a fallback that is named": {env: vars("ENV=local", "BROKER=mydb", "FALLBACK=memory"),
			want: "keyvalue=memory stream=memory broker=mydb fallback=memory orchestrator=memory"},
		"a memory primary, another fallback": {env: vars("ENV=local", "FALLBACK=mydb"),
			want: "keyvalue=memory stream=memory broker=memory fallback=mydb orchestrator=memory"},
		"primary and fallback of one driver": {env: vars("BROKER=mydb", "FALLBACK=mydb"),
			want: "broker=mydb fallback=mydb"},
		"a memory primary by name": {env: vars("BROKER=memory"), want: "broker=memory fallback=memory"},
		"only what is set":         {env: vars("ENV=production", "KEYVALUE=mydb"), want: "keyvalue=mydb"},
		"the environment wins":     {env: vars("KEYVALUE=mydb"), defaults: choose.Config{Env: "local", KeyValue: "memory"}, want: "keyvalue=mydb stream=memory broker=memory fallback=memory orchestrator=memory"},
		"its word too":             {env: vars("ENV=production"), defaults: choose.Config{Env: "local", Stream: "mydb"}, want: "stream=mydb"},
		"the struct alone":         {defaults: choose.Config{KeyValue: "mydb", Stream: "memory"}, want: "keyvalue=mydb stream=memory"},
		"the struct's port wins":   {env: vars("ENV=test"), defaults: choose.Config{KeyValue: "mydb"}, want: "keyvalue=mydb stream=memory broker=memory fallback=memory orchestrator=memory"},
		"empty counts as unset":    {env: vars("ENV=", "KEYVALUE=", "STREAM=mydb"), defaults: choose.Config{KeyValue: "memory"}, want: "keyvalue=memory stream=mydb"},
		"others' variables":        {env: map[string]string{"BREAKWATER_ENV": "test", "HOME": "/", "BREAKWATER_REDIS_HOST": "x", "REDIS_HOST": "y"}, want: allMemory},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := choose.Options(tc.env, tc.defaults, linked())
			if err != nil {
				t.Fatal(err)
			}
			var choice choose.Choice
			app := fx.New(o, fx.NopLogger, fx.Populate(&choice))
			if err := app.Err(); err != nil {
				t.Fatal(err)
			}
			if got := choice.String(); got != tc.want {
				t.Errorf("chose %s, want %s", got, tc.want)
			}
			if err := fx.ValidateApp(o, fx.Invoke(users(choice)...)); err != nil {
				t.Errorf("the graph does not hold what was chosen: %v", err)
			}
		})
	}
}

const allMemory = "keyvalue=memory stream=memory broker=memory fallback=memory orchestrator=memory"

// users need what was chosen.
func users(c choose.Choice) (invokes []any) {
	for role, invoke := range map[choose.Role]any{
		choose.KeyValue:     func(ports.KeyValue) {},
		choose.Stream:       func(ports.Stream) {},
		choose.Broker:       func(ports.Broker) {},
		choose.Fallback:     func(ports.EmergencyStore) {},
		choose.Orchestrator: func(ports.Orchestrator) {},
	} {
		if c[role] != "" {
			invokes = append(invokes, invoke)
		}
	}
	return invokes
}

// TestEveryMemoryChoiceIsAValidGraph goes through all sets of ports that can be named one by one.
func TestEveryMemoryChoiceIsAValidGraph(t *testing.T) {
	names := []string{"KEYVALUE", "STREAM", "BROKER", "ORCHESTRATOR", "FALLBACK"}
	for set := 1; set < 1<<len(names); set++ {
		env := map[string]string{}
		for i, name := range names {
			if set&(1<<i) != 0 {
				env["BREAKWATER_"+name] = "memory"
			}
		}
		o, err := choose.Options(env, choose.Config{}, linked())
		if env["BREAKWATER_FALLBACK"] != "" && env["BREAKWATER_BROKER"] == "" {
			if !errors.Is(err, ports.ErrInvalid) {
				t.Errorf("%v: a fallback without a broker gives %v, want ErrInvalid", env, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", env, err)
			continue
		}
		var choice choose.Choice
		if err := fx.New(o, fx.NopLogger, fx.Populate(&choice)).Err(); err != nil {
			t.Fatal(err)
		}
		if err := fx.ValidateApp(o, fx.Invoke(users(choice)...)); err != nil {
			t.Errorf("%v: %v", env, err)
		}
	}
}

func TestOptionsRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		env      map[string]string
		defaults choose.Config
		linked   map[string]choose.Module
		want     []string
	}{
		"nothing set": {want: []string{`no driver is chosen; set BREAKWATER_ENV (now "") to one of: test, testing, local, dev, for memory behind all ports, or set ` +
			"BREAKWATER_KEYVALUE to one of: memory, mydb; BREAKWATER_STREAM to one of: memory, mydb; " +
			"BREAKWATER_BROKER to one of: memory, mydb; BREAKWATER_ORCHESTRATOR to one of: memory"}},
		"a word that is no memory": {env: vars("ENV=lcoal"), want: []string{`(now "lcoal")`}},
		"an unknown driver": {env: vars("ENV=local", "KEYVALUE=rediss"),
			want: []string{`BREAKWATER_KEYVALUE is "rediss", a driver that this application does not link; valid here: memory, mydb`}},
		"a driver without the port": {env: vars("ENV=local", "ORCHESTRATOR=mydb"),
			want: []string{`BREAKWATER_ORCHESTRATOR is "mydb", a driver that does not carry it; valid here: memory`}},
		"every problem at once": {env: vars("KEYVALUE=a", "STREAM=b"),
			want: []string{`BREAKWATER_KEYVALUE is "a"`, `BREAKWATER_STREAM is "b"`}},
		"a fallback without a broker": {env: vars("FALLBACK=memory"),
			want: []string{`BREAKWATER_FALLBACK is "memory" and BREAKWATER_BROKER is not set; valid is a fallback behind a broker`}},
		"memory that is not linked": {env: vars("ENV=local"), linked: map[string]choose.Module{"mydb": mydb(mydbConfig{})},
			want: []string{`BREAKWATER_ENV is "local", which means memory, and this application links no driver of that name; linked: mydb`}},
		"a need that is not met": {env: vars("KEYVALUE=mydb"), defaults: choose.Config{Needs: []choose.Role{choose.KeyValue, choose.Broker}},
			want: []string{"this application needs more drivers than are chosen", "or set BREAKWATER_BROKER to one of: memory, mydb"}},
		"a slip in a variable's name": {env: vars("ENV=local", "KEYVALEU=mydb"),
			want: []string{"BREAKWATER_KEYVALEU is no variable that Breakwater reads; valid are BREAKWATER_ENV, BREAKWATER_KEYVALUE, BREAKWATER_STREAM, BREAKWATER_BROKER, BREAKWATER_FALLBACK, BREAKWATER_ORCHESTRATOR and the fields of the linked drivers (memory, mydb), such as BREAKWATER_<DRIVER>_<FIELD>"}},
		"an unknown field of a chosen driver": {env: vars("ENV=local", "MEMORY_SIZE=3"),
			want: []string{`BREAKWATER_MEMORY_SIZE is no field of driver "memory"; valid: BREAKWATER_MEMORY_RETAIN_UNCLAIMED`}},
		"no drivers at all": {env: vars("KEYVALUE=memory"), linked: map[string]choose.Module{},
			want: []string{"valid here: none, since no linked driver carries it"}},
		"a bad driver name": {env: vars("ENV=local"), linked: map[string]choose.Module{"My DB": mydb(mydbConfig{})},
			want: []string{`driver name "My DB"; valid are lower-case letters and digits`}},
		"a driver named as a setting": {env: vars("ENV=local"), linked: map[string]choose.Module{"fallback": mydb(mydbConfig{})},
			want: []string{`driver name "fallback" is that of a setting; valid is any other`}},
		"a module without Provide": {env: vars("ENV=local"), linked: map[string]choose.Module{"memory": {}},
			want: []string{`module "memory": Provide is nil; valid is a function`}},
	} {
		t.Run(name, func(t *testing.T) {
			drivers := tc.linked
			if drivers == nil {
				drivers = linked()
			}
			_, err := choose.Options(tc.env, tc.defaults, drivers)
			if !errors.Is(err, ports.ErrInvalid) {
				t.Fatalf("error is %v, want ErrInvalid", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is\n  %v\nwant in it\n  %s", err, want)
				}
			}
		})
	}
}

// TestFieldsOfDriversThatAreNotChosen are left alone, wrong or not.
func TestFieldsOfDriversThatAreNotChosen(t *testing.T) {
	if _, err := choose.Options(vars("ENV=local", "MYDB_PORT=many", "MYDB_NOSUCH=1"), choose.Config{}, linked()); err != nil {
		t.Error(err)
	}
}

func TestMemoryInstances(t *testing.T) {
	o, err := choose.Options(vars("ENV=local"), choose.Config{}, linked())
	if err != nil {
		t.Fatal(err)
	}
	var (
		kv       ports.KeyValue
		broker   ports.Broker
		fallback ports.EmergencyStore
		srv      *memory.Server
		volatile = struct {
			fx.In
			KV ports.KeyValue `name:"breakwater.volatile"`
		}{}
	)
	app := fx.New(o, fx.NopLogger, fx.Populate(&kv, &broker, &fallback, &srv), fx.Invoke(func(v struct {
		fx.In
		KV ports.KeyValue `name:"breakwater.volatile"`
	}) {
		volatile.KV = v.KV
	}))
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var main, behindBroker, behindFallback, behindVolatile *memory.Server
	kv.As(&main)
	broker.As(&behindBroker)
	volatile.KV.As(&behindVolatile)
	if f, ok := fallback.(ports.Driver); ok {
		f.As(&behindFallback)
	}
	if main == nil || main != behindBroker || main != srv {
		t.Error("the ports do not share the server that stands in the graph")
	}
	if behindFallback == nil || behindFallback == main {
		t.Error("the fallback must have a server of its own, which does not fail with the primary's")
	}
	if behindVolatile == nil || behindVolatile == main || behindVolatile == behindFallback {
		t.Error("the volatile store must have a server of its own")
	}
	if err := app.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(t.Context(), "k"); !errors.Is(err, ports.ErrClosed) {
		t.Errorf("after Stop, Get gives %v, want ErrClosed", err)
	}
	if _, err := broker.Publish(t.Context(), &ports.Message{Topic: "t"}); !errors.Is(err, ports.ErrClosed) {
		t.Errorf("after Stop, Publish gives %v, want ErrClosed", err)
	}
}

func TestEnviron(t *testing.T) {
	got := choose.Environ([]string{"HOME=/", "BREAKWATER_ENV=local", "BREAKWATER_MYDB_TAGS=a=b,c=d", "BREAKWATER_BAD", "X"})
	want := map[string]string{"BREAKWATER_ENV": "local", "BREAKWATER_MYDB_TAGS": "a=b,c=d"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzOptions reads any set of variables: it must not panic, chooses only what is linked, and tells no field's value.
func FuzzOptions(f *testing.F) {
	f.Add("ENV=local\nKEYVALUE=mydb\nMYDB_PORT=1")
	f.Add("KEYVALUE=memory\nMYDB_PASSWORD=x\nMYDB_NODES=a:1,b:2\nMYDB_TAGS=a=b,c=d\nMYDB_TIMEOUT=2s")
	f.Add("BROKER=mydb\nFALLBACK=mydb\nMYDB_FALLBACK_HOST=h\nMYDB_MODE=strict")
	f.Add("MYDB_PORT=9999999999999999999\nSTREAM=mydb\nMYDB_TAGS==,=\nMYDB_NODES=,\nMYDB_TIMEOUT=-")
	f.Fuzz(func(t *testing.T, text string) {
		env := map[string]string{}
		const secret = "s3cr3t-value"
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			if strings.HasPrefix(name, "MYDB_") && value != "" {
				value += secret
			}
			env["BREAKWATER_"+name] = value
		}
		o, err := choose.Options(env, choose.Config{}, linked())
		if err != nil {
			if !errors.Is(err, ports.ErrInvalid) {
				t.Errorf("error is %v, want ErrInvalid", err)
			}
			if strings.Contains(err.Error(), secret) && !slices.ContainsFunc(slices.Collect(maps.Keys(env)), func(name string) bool { return strings.Contains(name, secret) }) {
				t.Errorf("error tells a field's value: %v", err)
			}
			return
		}
		var choice choose.Choice
		if err := fx.New(o, fx.NopLogger, fx.Populate(&choice)).Err(); err != nil {
			t.Fatal(err)
		}
		for role, name := range choice {
			if _, ok := linked()[name]; !ok {
				t.Errorf("%v is %q, which is not linked", role, name)
			}
		}
	})
}

// vars makes variables of "NAME=value" without the prefix.
func vars(list ...string) map[string]string {
	env := map[string]string{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			panic(fmt.Sprintf("%q is not NAME=value", text))
		}
		env["BREAKWATER_"+name] = value
	}
	return env
}
