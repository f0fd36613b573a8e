package redis

import (
	"context"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// one runs an operation on its own.
func (k *KeyValue) one(ctx context.Context, op ports.Op) (ports.Reply, error) {
	c, err := k.call(op, func(bad error) error { return k.enter(ctx, op.Verb.String(), bad) })
	if err != nil {
		return ports.Reply{}, err
	}
	if c.empty() {
		return ports.Reply{}, nil
	}
	reply := k.reply(ctx, op, c.run(ctx, k))
	return reply, reply.Err
}

// opCall is an operation whose arguments are right, with its key as it is sent.
type opCall struct {
	ports.Op
	key string
}

// call checks an operation. enter is told what is wrong with its arguments, or nil, and has the last word on it.
func (k *KeyValue) call(op ports.Op, enter func(bad error) error) (opCall, error) {
	c := opCall{Op: op}
	bad := op.Validate()
	if bad == nil {
		c.key, bad = k.key(k.action, op.Key)
	}
	if err := enter(bad); err != nil {
		return c, err
	}
	return c, c.fits()
}

// fits refuses what Redis would close the connection for.
func (c opCall) fits() error {
	sizes := []int{len(c.key), len(c.Value), len(c.Field)}
	for field, v := range c.Fields {
		sizes = append(sizes, len(field), len(v))
	}
	for _, n := range c.Names {
		sizes = append(sizes, len(n))
	}
	for _, v := range c.Values {
		sizes = append(sizes, len(v))
	}
	for _, m := range c.Members {
		sizes = append(sizes, len(m.Member))
	}
	return fits(c.Verb.String(), sizes...)
}

// empty: no names is no work, and Redis has no command for it.
func (c opCall) empty() bool { return c.Verb == ports.VerbHDel && len(c.Names) == 0 }

// run sends the operation; reads go where ctx lets them.
func (c opCall) run(ctx context.Context, k *KeyValue) rueidis.RedisResult {
	if s, ok := c.script(); ok {
		return s.run(ctx, k.keys, []string{c.key}, c.scriptArgs())
	}
	l := k.keys
	if c.Verb == ports.VerbGet || c.Verb == ports.VerbHGet {
		l = k.reader(ctx)
	}
	return l.do(ctx, c.command(l))
}

// script is what does the operation where no single command does.
func (c opCall) script() (script, bool) {
	switch {
	case c.Verb == ports.VerbExpire && c.TTL == 0:
		return persistScript, true
	case c.Verb == ports.VerbHSet && c.TTL != 0:
		return hsetScript, true
	case c.Verb == ports.VerbLPush && c.TTL != 0:
		return lpushScript, true
	}
	return script{}, false
}

func (c opCall) scriptArgs() []string {
	if c.Verb == ports.VerbExpire {
		return nil
	}
	return append([]string{decimal(milliseconds(c.TTL))}, c.elements()...)
}

// elements are the arguments of which there may be many.
func (c opCall) elements() []string {
	switch c.Verb {
	case ports.VerbHSet:
		args := make([]string, 0, 2*len(c.Fields))
		for field, v := range c.Fields {
			args = append(args, field, string(v))
		}
		return args
	case ports.VerbHDel:
		return c.Names
	case ports.VerbLPush:
		args := make([]string, len(c.Values))
		for i, v := range c.Values {
			args[i] = string(v)
		}
		return args
	case ports.VerbZAdd:
		args := make([]string, 0, 2*len(c.Members))
		for _, m := range c.Members {
			args = append(args, score(m.Score), string(m.Member))
		}
		return args
	default:
		return nil
	}
}

// score is a number as Redis reads it back exactly.
func score(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// command is the operation as one command, a script whole.
func (c opCall) command(l *link) rueidis.Completed {
	if s, ok := c.script(); ok {
		return s.whole(l, []string{c.key}, c.scriptArgs())
	}
	b := l.B()
	switch c.Verb {
	case ports.VerbGet:
		return b.Get().Key(c.key).Build()
	case ports.VerbSet:
		return setCommand(l, c.key, string(c.Value), ports.SetOptions{TTL: c.TTL, IfAbsent: c.IfAbsent})
	case ports.VerbDelete:
		return b.Unlink().Key(c.key).Build()
	case ports.VerbExpire:
		return b.Pexpire().Key(c.key).Milliseconds(milliseconds(c.TTL)).Build()
	case ports.VerbIncr:
		return b.Incrby().Key(c.key).Increment(c.By).Build()
	case ports.VerbHGet:
		return b.Hget().Key(c.key).Field(c.Field).Build()
	case ports.VerbRPop:
		return b.Rpop().Key(c.key).Build()
	default: // hset, hdel, lpush, zadd
		return b.Arbitrary(c.Verb.String()).Keys(c.key).Args(c.elements()...).Build()
	}
}

// reply reads what came back for the operation.
func (k *KeyValue) reply(ctx context.Context, op ports.Op, r rueidis.RedisResult) (reply ports.Reply) {
	name := op.Verb.String()
	switch op.Verb {
	case ports.VerbGet, ports.VerbHGet, ports.VerbRPop:
		value, err := r.AsBytes()
		if err != nil {
			return ports.Reply{Err: k.keyed(ctx, name, op.Key, err)}
		}
		return ports.Reply{Value: present(value)}
	case ports.VerbSet:
		if err := r.Error(); err != nil {
			return ports.Reply{Err: k.setFailed(ctx, op.Key, ports.SetOptions{IfAbsent: op.IfAbsent}, err)}
		}
		return ports.Reply{}
	default: // the others answer with a number
	}
	n, err := r.AsInt64()
	switch {
	case err != nil:
		return ports.Reply{Err: k.keyed(ctx, name, op.Key, err)}
	case op.Verb == ports.VerbExpire && n == 0:
		return ports.Reply{Err: keyError(name, op.Key, ports.ErrNotFound)}
	case op.Verb == ports.VerbExpire:
		return ports.Reply{}
	}
	return ports.Reply{Int: n}
}
