package memory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

const benchKeys = 1 << 16

func benchmarkKeyValue(b *testing.B, valueSize int, each func(ctx context.Context, kv *memory.KeyValue, key string, value []byte) error) {
	ctx, kv := b.Context(), memory.NewKeyValue(nil)
	keys := make([]string, benchKeys)
	value := make([]byte, valueSize)
	for i := range keys {
		keys[i] = fmt.Sprintf("booking:%d", i)
		if err := kv.Set(ctx, keys[i], value, ports.SetOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(benchKeys); pb.Next(); i++ {
			if err := each(ctx, kv, keys[i%benchKeys], value); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkKeyValueGet(b *testing.B) {
	for _, size := range []int{16, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchmarkKeyValue(b, size, func(ctx context.Context, kv *memory.KeyValue, key string, _ []byte) error {
				_, err := kv.Get(ctx, key)
				return err
			})
		})
	}
}

func BenchmarkKeyValueSet(b *testing.B) {
	for name, ttl := range map[string]time.Duration{"lasting": 0, "ttl": time.Hour} {
		b.Run(name, func(b *testing.B) {
			benchmarkKeyValue(b, 16, func(ctx context.Context, kv *memory.KeyValue, key string, value []byte) error {
				return kv.Set(ctx, key, value, ports.SetOptions{TTL: ttl})
			})
		})
	}
}

func BenchmarkKeyValueIncr(b *testing.B) {
	benchmarkKeyValue(b, 0, func(ctx context.Context, kv *memory.KeyValue, key string, _ []byte) error {
		_, err := kv.Incr(ctx, "counter:"+key, 1)
		return err
	})
}

func BenchmarkKeyValuePipeline(b *testing.B) {
	benchmarkKeyValue(b, 16, func(ctx context.Context, kv *memory.KeyValue, key string, value []byte) error {
		_, err := kv.Pipeline(ctx, ports.PipelineOptions{Shard: key},
			ports.OpSet(ports.ShardKey(key, "a"), value, ports.SetOptions{}), ports.OpIncr(ports.ShardKey(key, "b"), 1))
		return err
	})
}
