package corefx_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/fx"
	"go.uber.org/goleak"

	"github.com/breakwater-go/breakwater/core/cache"
	"github.com/breakwater-go/breakwater/core/messaging"
	"github.com/breakwater-go/breakwater/core/monitoring"
	"github.com/breakwater-go/breakwater/core/process"
	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/fxmodules/choose"
	"github.com/breakwater-go/breakwater/fxmodules/corefx"
	"github.com/breakwater-go/breakwater/fxmodules/memoryfx"
	"github.com/breakwater-go/breakwater/ports"
)

// TestMain begins the process's one goroutine for signals, which lasts, before any test could begin it in a bubble.
func TestMain(m *testing.M) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	signal.Stop(signals)
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// chosen are the memory drivers for what the variables name.
func chosen(t *testing.T, vars map[string]string) fx.Option {
	t.Helper()
	o, err := choose.Options(vars, choose.Config{}, map[string]choose.Module{"memory": memoryfx.Module(memoryfx.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func local() map[string]string { return map[string]string{"BREAKWATER_ENV": "local"} }

// greet is a process of one step that sends while it runs.
func greet(client *messaging.Client) []process.Definition {
	step := process.NewStep("greet", func(ctx context.Context, name string) (string, error) {
		_, err := client.SmartSend(ctx, "greetings", "hello "+name, "")
		return "hello " + name, err
	}, process.StepOptions[string, string]{})
	return []process.Definition{step, process.New("greeting", func(c *process.Context, name string) (string, error) {
		return process.Execute(c, step, name)
	}, process.Options{})}
}

func TestEveryUseIsAValidGraph(t *testing.T) {
	for name, tc := range map[string]struct {
		vars map[string]string
		app  fx.Option
	}{
		"everything":                 {local(), fx.Options(corefx.Definitions(greet), fx.Invoke(func(*messaging.Client, *cache.Cache) {}))},
		"nothing":                    {local(), fx.Options()},
		"messages without processes": {map[string]string{"BREAKWATER_BROKER": "memory"}, fx.Invoke(func(*messaging.Client) {})},
		"a cache alone":              {map[string]string{"BREAKWATER_KEYVALUE": "memory"}, fx.Invoke(func(*cache.Cache) {})},
		"processes alone": {map[string]string{"BREAKWATER_ORCHESTRATOR": "memory"},
			corefx.Definitions(func() []process.Definition { return nil })},
	} {
		t.Run(name, func(t *testing.T) {
			if err := fx.ValidateApp(chosen(t, tc.vars), corefx.Module(corefx.Config{Service: "greeter"}), tc.app); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("messages without a broker are none", func(t *testing.T) {
		err := fx.ValidateApp(chosen(t, map[string]string{"BREAKWATER_KEYVALUE": "memory"}), corefx.Module(corefx.Config{Service: "greeter"}),
			fx.Invoke(func(*messaging.Client) {}))
		if err == nil || !strings.Contains(err.Error(), "ports.Broker") {
			t.Errorf("error is %v, want one that names ports.Broker", err)
		}
	})
}

// TestMessagesProcessesAndCacheTogether goes from a message to a process, a step, another message and the cache.
func TestMessagesProcessesAndCacheTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 1)
		var client *messaging.Client
		var store *cache.Cache
		app := fx.New(chosen(t, local()), corefx.Module(corefx.Config{Service: "greeter"}), corefx.Definitions(greet), fx.Populate(&client, &store),
			fx.Invoke(func(client *messaging.Client) error {
				p := process.New[string, string]("greeting", nil, process.Options{})
				_, err := messaging.OnEvent(client, "names", p, messaging.EventOptions{})
				return err
			}, func(client *messaging.Client) error {
				_, err := messaging.On(client, "greetings", func(_ context.Context, text string, _ messaging.Meta) error {
					got <- text
					return nil
				}, messaging.HandlerOptions{})
				return err
			}))
		if err := app.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := client.SmartSend(t.Context(), "names", "Ada", ""); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != "hello Ada" {
			t.Errorf("got %q", text)
		}
		critical := cache.WriteOptions{Sensitivity: sensitivity.Critical}
		if err := cache.Set(t.Context(), store, "k", "v", critical); err != nil {
			t.Errorf("the cache has no volatile store for critical data, though memory is linked: %v", err)
		}
		if err := app.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStoppingDrainsWorkersBeforeTheClient: a step that runs while the application stops can still send, whatever way the
// client came to it.
func TestStoppingDrainsWorkersBeforeTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan error, 1)
		running := make(chan struct{})
		var client *messaging.Client
		slow := func() []process.Definition {
			step := process.NewStep("slow", func(ctx context.Context, _ string) (string, error) {
				close(running)
				time.Sleep(time.Second)
				_, err := client.SmartSend(ctx, "done", "x", "")
				sent <- err
				return "", err
			}, process.StepOptions[string, string]{})
			return []process.Definition{step, process.New("slowly", func(c *process.Context, in string) (string, error) {
				return process.Execute(c, step, in)
			}, process.Options{})}
		}
		var o ports.Orchestrator
		app := fx.New(chosen(t, local()), corefx.Module(corefx.Config{Service: "s"}), corefx.Definitions(slow), fx.Populate(&o, &client))
		if err := app.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := process.StartByName(t.Context(), o, "slowly", process.DefaultQueue, "x", process.StartOptions{}); err != nil {
			t.Fatal(err)
		}
		<-running
		ctx, cancel := context.WithTimeout(t.Context(), app.StopTimeout())
		defer cancel()
		if err := app.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := <-sent; err != nil {
			t.Errorf("the step could not send while the application stopped: %v", err)
		}
	})
}

// TestStartIsBounded: with the broker down the application fails to start, in time for the other hooks' share.
func TestStartIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv *memory.Server
		app := fx.New(chosen(t, local()), corefx.Module(corefx.Config{Service: "s"}), fx.Populate(&srv), fx.Invoke(func(client *messaging.Client) error {
			_, err := messaging.On(client, "t", func(context.Context, string, messaging.Meta) error { return nil }, messaging.HandlerOptions{})
			return err
		}))
		srv.Faults().SetUnavailable(memory.PortBroker, true)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), app.StartTimeout())
		defer cancel()
		err := app.Start(ctx)
		if !errors.Is(err, ports.ErrUnavailable) && !errors.Is(err, ports.ErrTimeout) {
			t.Errorf("error is %v, want the broker's", err)
		}
		if took := time.Since(begin); took > app.StartTimeout()/2 {
			t.Errorf("starting took %v, want half of %v at most", took, app.StartTimeout())
		}
	})
}

// TestHealthOfTheChosenDrivers: what stands behind a port is shown, and what has a fallback is not required.
func TestHealthOfTheChosenDrivers(t *testing.T) {
	for name, tc := range map[string]struct {
		vars   map[string]string
		fault  memory.Port
		status int
	}{
		"healthy":                      {local(), 0, http.StatusOK},
		"a required port is down":      {local(), memory.PortKeyValue, http.StatusServiceUnavailable},
		"a broker that has a fallback": {map[string]string{"BREAKWATER_BROKER": "memory"}, memory.PortBroker, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			var srv *memory.Server
			var group *monitoring.Group
			var client *messaging.Client
			app := fx.New(chosen(t, tc.vars), corefx.Module(corefx.Config{Service: "s", Monitoring: monitoring.Config{Repeat: -1}}),
				fx.Populate(&srv, &group, &client))
			if err := app.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := app.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			if _, err := client.SmartSend(t.Context(), "t", "x", ""); err != nil {
				t.Fatal(err)
			}
			if tc.fault != 0 {
				srv.Faults().SetUnavailable(tc.fault, true)
			}
			w := httptest.NewRecorder()
			group.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if w.Code != tc.status {
				t.Errorf("/readyz gives %d, %q; want %d", w.Code, w.Body, tc.status)
			}
			s := group.Status(t.Context())
			if healthy := s.Backends["memory"].Health.Healthy; healthy != (tc.fault == 0) {
				t.Errorf("memory is healthy: %v", healthy)
			}
			if fallback := s.Backends["memory.fallback"]; !fallback.Health.Healthy || fallback.Required {
				t.Errorf("fallback is %+v, want healthy and not required", fallback)
			}
			if sent := s.Sources["messaging"].Stats; sent == nil || sent.Summary["sent"] != 1 {
				t.Errorf("messaging's figures are %+v, want one message sent", sent)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		vars map[string]string
		app  fx.Option
		want string
	}{
		"processes without an orchestrator": {map[string]string{"BREAKWATER_BROKER": "memory"},
			fx.Options(corefx.Module(corefx.Config{Service: "s"}), corefx.Definitions(greet)), "Orchestrator is nil"},
		"no service name": {local(), fx.Options(corefx.Module(corefx.Config{}), fx.Invoke(func(*cache.Cache) {})), "Service is empty"},
		"two definitions of one name": {local(), fx.Options(corefx.Module(corefx.Config{Service: "s"}), corefx.Definitions(greet), corefx.Definitions(greet)),
			"used twice"},
	} {
		t.Run(name, func(t *testing.T) {
			err := fx.New(chosen(t, tc.vars), tc.app, fx.NopLogger).Err()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q in it", err, tc.want)
			}
		})
	}
}

// TestOwnConfigurationStays: what the application sets is not replaced by what stands in the graph.
func TestOwnConfigurationStays(t *testing.T) {
	own := memory.NewKeyValue(nil)
	var store *cache.Cache
	var kv ports.KeyValue
	app := fx.New(chosen(t, local()), corefx.Module(corefx.Config{Service: "s", Cache: cache.Config{KeyValue: own}}), fx.Populate(&store, &kv))
	if err := app.Err(); err != nil {
		t.Fatal(err)
	}
	if err := cache.Set(t.Context(), store, "k", 1, cache.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if n, err := own.Exists(t.Context(), "k"); n != 1 || err != nil {
		t.Errorf("the own store has %d keys, %v; want the value there", n, err)
	}
	if n, _ := kv.Exists(t.Context(), "k"); n != 0 {
		t.Error("the value went to the graph's store")
	}
}
