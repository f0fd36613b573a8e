package process

import (
	"encoding/json"

	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// Context is what a process works with: the engine's own operations (Sleep, Now, Timer, Select, Signals, Logger, Info …)
// and the process's state. It must not leave the coroutine that it was handed to: use it on another goroutine, or after the
// process has ended, and that goroutine panics or ends. Version and ContinueAsNew are ErrUnsupported on the memory driver
// so far, and fail the run.
type Context struct {
	ports.ProcessContext
	state map[string]json.RawMessage // shared by all scopes of the run; one coroutine runs at a time
}

// The names under which a process's state is reached from outside, by any language's client.
const (
	signalUpdateState = "update_state"
	queryGetState     = "get_state"
)

// newContext makes the root context of a run and opens its state to the outside.
func newContext(pc ports.ProcessContext) (*Context, error) {
	c := &Context{ProcessContext: pc, state: map[string]json.RawMessage{}}
	if err := pc.HandleQuery(queryGetState, c.answerState); err != nil {
		return nil, err
	}
	updates := pc.Signals(signalUpdateState)
	pc.Go(func(pc ports.ProcessContext) {
		// Disconnected, so that a cancelled process which cleans up can still be told.
		d := pc.Disconnected()
		for {
			arg, err := updates.Receive(d)
			if err != nil {
				return
			}
			c.applyUpdate(arg)
		}
	})
	return c, nil
}

// WithCancel makes a scope that ends with this context, or by cancel.
func (c *Context) WithCancel() (scope *Context, cancel func()) {
	pc, cancel := c.ProcessContext.WithCancel()
	return &Context{pc, c.state}, cancel
}

// Disconnected makes a scope that is not cancelled with this one: for cleaning up.
func (c *Context) Disconnected() *Context {
	return &Context{c.ProcessContext.Disconnected(), c.state}
}

// Go starts a coroutine. One runs at a time, each until it waits; they end with the process.
func (c *Context) Go(fn func(c *Context)) {
	c.ProcessContext.Go(func(pc ports.ProcessContext) { fn(&Context{pc, c.state}) })
}

// SideEffect records what fn returns, so that a replay sees the same: for a random id, not for I/O, which is a local
// step's ([ExecuteLocal]). ErrInvalid when it cannot be serialised.
func SideEffect[T any](c *Context, fn func() T) (T, error) {
	raw := c.SideEffect(func() json.RawMessage {
		raw, err := wire.Marshal(fn())
		if err != nil {
			return nil // JSON is never empty: told apart below, now as on replay
		}
		return raw
	})
	if len(raw) == 0 {
		var none T
		return none, ports.Errorf(owner, "side effect", ports.ErrInvalid, "a %T cannot be serialised as JSON", none)
	}
	return decode[T](raw, "side effect")
}

// SetState keeps a value under key, where [GetState] finds it and, from outside, [GetStateOf].
func SetState[T any](c *Context, key string, value T) error {
	raw, err := encode(value, nil)
	if err != nil {
		return err
	}
	c.state[key] = raw
	return nil
}

// GetState reads what [SetState] kept, here or from outside; ErrNotFound for an unknown key.
func GetState[T any](c *Context, key string) (T, error) {
	raw, ok := c.state[key]
	if !ok {
		var none T
		return none, unknownKey(key)
	}
	return decode[T](raw, "state "+key)
}

func unknownKey(key string) error {
	return ports.Errorf(owner, "get state", ports.ErrNotFound, "key %q was never set", key)
}

// answerState serves the query get_state, whose argument is the key.
func (c *Context) answerState(arg json.RawMessage) (json.RawMessage, error) {
	key, err := decode[string](arg, "key")
	if err != nil {
		return nil, err
	}
	raw, ok := c.state[key]
	if !ok {
		return nil, unknownKey(key)
	}
	return raw, nil
}

// applyUpdate takes the signal update_state, whose argument is [key, value].
func (c *Context) applyUpdate(arg json.RawMessage) {
	var pair []json.RawMessage
	var key string
	if wire.Unmarshal(arg, &pair) != nil || len(pair) != 2 || wire.Unmarshal(pair[0], &key) != nil {
		c.Logger().Warn("signal update_state ignored: its argument is not [key, value]", "process", c.Info().Process, "id", c.Info().ID)
		return
	}
	c.state[key] = pair[1]
}
