package ports_test

import (
	"testing"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

// BenchmarkInterceptedGet shows what a pass-through interceptor adds to a Get of 100 bytes.
func BenchmarkInterceptedGet(b *testing.B) {
	for _, bc := range []struct {
		name      string
		intercept ports.Interceptor
	}{{"bare", nil}, {"intercepted", passThrough}} {
		b.Run(bc.name, func(b *testing.B) {
			ctx := b.Context()
			kv := ports.InterceptKeyValue(memory.NewKeyValue(nil), bc.intercept)
			if err := kv.Set(ctx, "key", make([]byte, 100), ports.SetOptions{}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kv.Get(ctx, "key"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
