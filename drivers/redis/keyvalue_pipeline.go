package redis

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// Pipeline is [ports.KeyValue] Pipeline. An atomic one is a script, in which other clients of the server wait; a value of
// a megabyte takes it some milliseconds.
func (k *KeyValue) Pipeline(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
	const op = "pipeline"
	if o.Batch {
		if err := k.enter(ctx, op, nil); err != nil {
			return nil, err
		}
		return k.batch(ctx, ops), nil
	}
	ops, bad := k.callerKeys(ops)
	if bad == nil {
		bad = ports.ValidatePipeline(o, ops)
	}
	if err := k.enter(ctx, op, bad); err != nil {
		return nil, err
	}
	if len(ops) == 0 {
		return []ports.Reply{}, nil
	}
	return k.atomic(ctx, ops)
}

// callerKeys gives the ops' keys the tags that the slotting would, so that they are judged by these.
func (k *KeyValue) callerKeys(ops []ports.Op) ([]ports.Op, error) {
	if k.slotting != EntityTagged {
		return ops, nil
	}
	tagged := make([]ports.Op, len(ops))
	for i, op := range ops {
		key, err := k.slotting.caller(op.Key)
		if err != nil {
			return nil, fmt.Errorf("op %d (%v): %w", i, op.Verb, err)
		}
		if op.Key != "" {
			op.Key = key
		}
		tagged[i] = op
	}
	return tagged, nil
}

// batch runs each op on its own, all on their way together.
func (k *KeyValue) batch(ctx context.Context, ops []ports.Op) []ports.Reply {
	replies := make([]ports.Reply, len(ops))
	sent := make([]int, 0, len(ops))
	commands := make([]rueidis.Completed, 0, len(ops))
	for i, op := range ops {
		name := op.Verb.String()
		c, err := k.call(op, func(bad error) error { return invalidArgument(name, bad) })
		if err != nil || c.empty() {
			replies[i].Err = err
			continue
		}
		sent, commands = append(sent, i), append(commands, c.command(k.keys))
	}
	if len(sent) == 0 {
		return replies
	}
	for i, r := range k.keys.doMulti(ctx, commands...) {
		replies[sent[i]] = k.reply(ctx, ops[sent[i]], r)
	}
	return replies
}

func invalidArgument(op string, bad error) error {
	if bad == nil {
		return nil
	}
	return &ports.Error{Op: op, Driver: driverName, Kind: ports.ErrInvalid, Err: bad}
}

// atomic runs ops as one script.
func (k *KeyValue) atomic(ctx context.Context, ops []ports.Op) ([]ports.Reply, error) {
	const op = "pipeline"
	var keys, args []string
	numbers := map[string]int{}
	for i := range ops {
		c, err := k.call(ops[i], func(bad error) error { return invalidArgument(op, bad) })
		if err != nil {
			return nil, fmt.Errorf("op %d: %w", i, err)
		}
		if numbers[c.key] == 0 {
			keys = append(keys, c.key)
			numbers[c.key] = len(keys)
		}
		args = append(args, c.Verb.String(), decimal(int64(numbers[c.key])))
		args = append(args, c.pipelineArgs()...)
	}
	answers, err := pipelineScript.run(ctx, k.keys, keys, args).ToArray()
	if err != nil {
		return nil, k.failed(ctx, op, err)
	}
	if len(answers) != len(ops) {
		return nil, ports.Errorf(driverName, op, ports.ErrCorrupt, "the script gave %d replies for %d operations", len(answers), len(ops))
	}
	replies := make([]ports.Reply, len(ops))
	for i, answer := range answers {
		replies[i] = k.reply(ctx, ops[i], answerOf(ops[i], answer))
	}
	return replies, nil
}

// pipelineArgs are the operation's arguments as the script takes them.
func (c opCall) pipelineArgs() []string {
	ms := decimal(milliseconds(c.TTL))
	elements := c.elements()
	count := decimal(int64(len(elements)))
	switch c.Verb {
	case ports.VerbSet:
		absent := "0"
		if c.IfAbsent {
			absent = "1"
		}
		return []string{string(c.Value), ms, absent}
	case ports.VerbExpire:
		return []string{ms}
	case ports.VerbIncr:
		return []string{decimal(c.By)}
	case ports.VerbHGet:
		return []string{c.Field}
	case ports.VerbHSet, ports.VerbLPush:
		return append([]string{ms, count}, elements...)
	case ports.VerbHDel, ports.VerbZAdd:
		return append([]string{count}, elements...)
	default: // get, delete, rpop
		return nil
	}
}

// answerOf makes of a script's answer what the command itself would have answered.
func answerOf(op ports.Op, answer rueidis.RedisMessage) rueidis.RedisResult {
	if op.Verb == ports.VerbSet {
		if written, err := answer.AsInt64(); err == nil && written == 0 {
			return rueidis.NewErrorResult(rueidis.Nil)
		}
	}
	return rueidis.NewResult(answer, nil)
}
