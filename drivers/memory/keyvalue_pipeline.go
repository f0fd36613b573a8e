package memory

import (
	"context"
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

// Pipeline is [ports.KeyValue] Pipeline.
func (c *KeyValue) Pipeline(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
	const op = "pipeline"
	if err := c.enter(ctx, op); err != nil {
		return nil, err
	}
	if err := ports.ValidatePipeline(o, ops); err != nil {
		return nil, kvInvalid(op, err)
	}
	if o.Batch {
		return c.batch(ops), nil
	}
	return c.atomic(ops)
}

// batch runs each op on its own.
func (c *KeyValue) batch(ops []ports.Op) []ports.Reply {
	replies := make([]ports.Reply, len(ops))
	for i, op := range ops {
		if err := op.Validate(); err != nil {
			replies[i].Err = kvInvalid(op.Verb.String(), err)
			continue
		}
		replies[i] = c.single(op)
	}
	return replies
}

func (c *KeyValue) single(op ports.Op) ports.Reply {
	w := kvWork{store: c.store}
	defer c.store.lock(op.Key).mu.Unlock()
	return w.do(op)
}

// atomic runs ops with all their shards locked, and takes back what it did when one of them cannot be.
func (c *KeyValue) atomic(ops []ports.Op) ([]ports.Reply, error) {
	var set shardSet
	for _, op := range ops {
		set.add(c.store.hash(op.Key))
	}
	set.lock(c.store)
	defer set.unlock(c.store)
	w := kvWork{store: c.store, logs: true}
	types := map[string]ports.KeyType{}
	replies := make([]ports.Reply, len(ops))
	for i, op := range ops {
		reply := w.judged(op, types)
		if !isAnswer(reply.Err) {
			w.rollback()
			return nil, &ports.Error{Op: "pipeline", Driver: driverName, Kind: ports.KindOf(reply.Err),
				Err: fmt.Errorf("op %d: %w", i, reply.Err)}
		}
		replies[i] = reply
	}
	return replies, nil
}

// isAnswer: what an op found missing, or there, is no failure of the pipeline.
func isAnswer(err error) bool {
	kind := ports.KindOf(err)
	return kind != ports.ErrWrongType && kind != ports.ErrInvalid
}

// judged runs op unless its key's type is wrong by the pipeline's own writes so far. It is stricter than what the keys
// hold: a key emptied by HDel or RPop keeps its type, as a backend sees it that must judge before it writes.
func (w *kvWork) judged(op ports.Op, types map[string]ports.KeyType) ports.Reply {
	held, known := types[op.Key]
	if !known {
		held = w.find(op.Key).object.keyType()
	}
	needed := typeOf(op.Verb)
	if needed != "" && held != ports.KeyNone && held != needed {
		return ports.Reply{Err: kvError(op.Verb.String(), op.Key, ports.ErrWrongType)}
	}
	reply := w.do(op)
	switch op.Verb {
	case ports.VerbSet:
		if reply.Err == nil {
			held = ports.KeyString
		}
	case ports.VerbDelete:
		held = ports.KeyNone
	case ports.VerbIncr, ports.VerbHSet, ports.VerbLPush, ports.VerbZAdd:
		held = needed
	default: // changes no type
	}
	types[op.Key] = held
	return reply
}

// typeOf is the type that a verb needs; "" = any.
func typeOf(v ports.Verb) ports.KeyType {
	switch v {
	case ports.VerbGet, ports.VerbIncr:
		return ports.KeyString
	case ports.VerbHSet, ports.VerbHGet, ports.VerbHDel:
		return ports.KeyHash
	case ports.VerbLPush, ports.VerbRPop:
		return ports.KeyList
	case ports.VerbZAdd:
		return ports.KeyZSet
	default:
		return ""
	}
}

// do runs one valid op whose shard is locked.
func (w *kvWork) do(op ports.Op) (r ports.Reply) {
	switch op.Verb {
	case ports.VerbGet:
		r.Value, r.Err = w.get(op.Key)
	case ports.VerbSet:
		r.Err = w.set(op.Key, op.Value, ports.SetOptions{TTL: op.TTL, IfAbsent: op.IfAbsent})
	case ports.VerbDelete:
		r.Int = w.delete(op.Key)
	case ports.VerbExpire:
		r.Err = w.expire(op.Key, op.TTL)
	case ports.VerbIncr:
		r.Int, r.Err = w.incr(op.Key, op.By)
	case ports.VerbHSet:
		r.Int, r.Err = w.hset(op.Key, op.Fields, op.TTL)
	case ports.VerbHGet:
		r.Value, r.Err = w.hget(op.Key, op.Field)
	case ports.VerbHDel:
		r.Int, r.Err = w.hdel(op.Key, op.Names)
	case ports.VerbLPush:
		r.Int, r.Err = w.lpush(op.Key, op.TTL, op.Values)
	case ports.VerbRPop:
		r.Value, r.Err = w.rpop(op.Key)
	case ports.VerbZAdd:
		r.Int, r.Err = w.zadd(op.Key, op.Members)
	}
	return r
}

// shardSet is the shards of a pipeline's keys, a bit each.
type shardSet uint64

func (s *shardSet) add(hash uint64) { *s |= 1 << shardOf(hash) }

// lock takes the shards in the order of their numbers, so that two pipelines never wait for each other, and keeps
// readers out that take no lock.
func (s shardSet) lock(store *keyValueStore) {
	for i := range store.shards {
		if s&(1<<i) != 0 {
			store.shards[i].mu.Lock()
			store.shards[i].version.Add(1)
		}
	}
}

func (s shardSet) unlock(store *keyValueStore) {
	for i := range store.shards {
		if s&(1<<i) != 0 {
			store.shards[i].version.Add(1)
			store.shards[i].mu.Unlock()
		}
	}
}
