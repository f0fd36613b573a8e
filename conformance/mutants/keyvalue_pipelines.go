package mutants

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// pipelineFunc is Pipeline on the sound driver.
type pipelineFunc func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error)

// pipelineMutant breaks atomic pipelines or batches, and leaves the other kind alone.
func pipelineMutant(name, clauses, kills, alsoFails string, batch bool, broken func(sound pipelineFunc) pipelineFunc) Mutant[ports.KeyValue] {
	return keyValueMutant(name, clauses, kills, alsoFails, func(d ports.KeyValue, m *brokenKeyValue) {
		f := broken(d.Pipeline)
		m.pipeline = func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
			if o.Batch != batch {
				return d.Pipeline(ctx, o, ops...)
			}
			return f(ctx, o, ops...)
		}
	})
}

func keyValuePipelines() []Mutant[ports.KeyValue] {
	return []Mutant[ports.KeyValue]{
		pipelineMutant("batch-sends-reads-first", "073", "batch-replies-in-order batch-of-many", "", true, readsFirst),
		pipelineMutant("batch-stops-at-a-failure", "074", "batch-goes-on-after-a-failure", "", true, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				all := make([]ports.Reply, len(ops))
				for i, op := range ops {
					one, err := sound(ctx, o, op)
					if err != nil {
						return nil, err
					}
					all[i] = one[0]
					if one[0].Err != nil {
						return all, err
					}
				}
				return all, nil
			}
		}),
		pipelineMutant("no-operations-is-an-error", "075", "pipeline-without-operations", "", true, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				if len(ops) == 0 {
					return nil, kvErr(ports.ErrInvalid)
				}
				return sound(ctx, o, ops...)
			}
		}),
		pipelineMutant("atomic-reads-from-before", "076", "atomic-runs-in-order", "atomic-knows-every-verb atomic-needs-a-shard-for-several-keys atomic-delete-frees-an-emptied-hash atomic-judges-an-emptied-list", false, readsFirst),
		pipelineMutant("missing-fails-the-pipeline", "077", "atomic-answers-what-is-missing", "atomic-knows-every-verb atomic-delete-frees-an-emptied-hash atomic-judges-an-emptied-list", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				replies, err := sound(ctx, o, ops...)
				for _, r := range replies {
					err = errors.Join(err, r.Err)
				}
				return replies, err
			}
		}),
		pipelineMutant("transaction-half-done", "078", "atomic-type-error-undoes-all", "atomic-judges-by-its-own-writes atomic-judges-an-emptied-list", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				replies, err := sound(ctx, o, ops...)
				if !errors.Is(err, ports.ErrWrongType) || slices.ContainsFunc(ops, isIncr) {
					return replies, err
				}
				// As MULTI does: what can be done is done.
				_, failed := sound(ctx, ports.PipelineOptions{Batch: true}, ops...)
				return nil, errors.Join(err, failed)
			}
		}),
		pipelineMutant("arguments-checked-on-the-way", "079", "atomic-invalid-argument-undoes-all", "", false, func(sound pipelineFunc) pipelineFunc {
			return halfDone(sound, func(op ports.Op) bool { return op.Validate() != nil })
		}),
		pipelineMutant("impossible-incr-half-done", "080", "atomic-impossible-incr-undoes-all", "", false, func(sound pipelineFunc) pipelineFunc {
			return halfDone(sound, isIncr)
		}),
		pipelineMutant("pipeline-shows-parts", "081", "atomic-shows-no-part", "", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				plainSets := !slices.ContainsFunc(ops, func(op ports.Op) bool { return op.Verb != ports.VerbSet || op.IfAbsent })
				if !plainSets || ports.ValidatePipeline(o, ops) != nil {
					return sound(ctx, o, ops...)
				}
				var all []ports.Reply
				for _, op := range ops {
					one, err := sound(ctx, ports.PipelineOptions{}, op)
					if err != nil {
						return nil, err
					}
					all = append(all, one...)
					time.Sleep(time.Millisecond)
				}
				return all, nil
			}
		}),
		pipelineMutant("types-judged-on-the-way", "082", "atomic-judges-by-its-own-writes atomic-judges-an-emptied-list", "", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				at := slices.IndexFunc(ops, takesOut) + 1
				if at == 0 || at == len(ops) || ops[at].Verb != ports.VerbGet {
					return sound(ctx, o, ops...)
				}
				first, err := sound(ctx, o, ops[:at]...)
				if err != nil {
					return nil, err
				}
				rest, err := sound(ctx, o, ops[at:]...)
				return append(first, rest...), err
			}
		}),
		pipelineMutant("deleted-key-keeps-its-type", "082", "atomic-delete-frees-an-emptied-hash atomic-judges-an-emptied-list", "", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				at := slices.IndexFunc(ops, takesOut) + 1
				if at > 0 && at+1 < len(ops) && ops[at].Verb == ports.VerbDelete && ops[at+1].Verb == ports.VerbGet {
					return nil, kvErr(ports.ErrWrongType)
				}
				return sound(ctx, o, ops...)
			}
		}),
		pipelineMutant("any-shard-will-do", "083", "key-outside-the-shard", "", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				if o.Shard != "" && ports.ValidatePipeline(o, ops) != nil {
					o.Batch = !slices.ContainsFunc(ops, func(op ports.Op) bool { return op.Validate() != nil })
				}
				return sound(ctx, o, ops...)
			}
		}),
		pipelineMutant("outside-key-without-advice", "083", "key-outside-the-shard", "", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				replies, err := sound(ctx, o, ops...)
				if errors.Is(err, ports.ErrInvalid) {
					err = kvErr(ports.ErrInvalid)
				}
				return replies, err
			}
		}),
		pipelineMutant("no-shard-is-no-matter", "084", "atomic-needs-a-shard-for-several-keys", "", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				o.Batch = o.Shard == "" && len(ops) > 1 && ops[0].Key != ops[1].Key
				return sound(ctx, o, ops...)
			}
		}),
		pipelineMutant("shards-apart-from-plain-keys", "085", "shard-keys-are-plain-keys", "atomic-runs-in-order atomic-knows-every-verb atomic-answers-what-is-missing atomic-type-error-undoes-all atomic-impossible-incr-undoes-all atomic-shows-no-part atomic-judges-by-its-own-writes atomic-delete-frees-an-emptied-hash atomic-judges-an-emptied-list key-outside-the-shard", false, func(sound pipelineFunc) pipelineFunc {
			return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
				ops = slices.Clone(ops)
				for i, op := range ops {
					ops[i].Key = strings.Replace(op.Key, "}:", "}:shard:", 1)
				}
				return sound(ctx, o, ops...)
			}
		}),
	}
}

// takesOut: the operation may leave its key empty.
func takesOut(op ports.Op) bool { return op.Verb == ports.VerbHDel || op.Verb == ports.VerbRPop }

func isIncr(op ports.Op) bool { return op.Verb == ports.VerbIncr }

// readsFirst answers every get from before the pipeline's own writes.
func readsFirst(sound pipelineFunc) pipelineFunc {
	return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
		before := make([]ports.Reply, len(ops))
		for i, op := range ops {
			if op.Verb != ports.VerbGet {
				continue
			}
			if one, err := sound(ctx, ports.PipelineOptions{Batch: true}, op); err == nil {
				before[i] = one[0]
			}
		}
		replies, err := sound(ctx, o, ops...)
		for i := range replies {
			if ops[i].Verb == ports.VerbGet {
				replies[i] = before[i]
			}
		}
		return replies, err
	}
}

// halfDone keeps what a refused pipeline had done before its first op that cannot be.
func halfDone(sound pipelineFunc, cannotBe func(ports.Op) bool) pipelineFunc {
	return func(ctx context.Context, o ports.PipelineOptions, ops ...ports.Op) ([]ports.Reply, error) {
		replies, err := sound(ctx, o, ops...)
		at := slices.IndexFunc(ops, cannotBe)
		if err != nil && at > 0 {
			_, half := sound(ctx, o, ops[:at]...)
			return nil, errors.Join(err, half)
		}
		return replies, err
	}
}
