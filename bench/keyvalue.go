package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/breakwater-go/breakwater/drivers/memory"
	"github.com/breakwater-go/breakwater/ports"
)

const (
	keyCount  = 1 << 14
	valueSize = 100
	keyTTL    = time.Hour
)

// keyValueBenchmarks read and write strings of 100 bytes under 16,384 keys, on as many goroutines as there are cores;
// a figure is the wall clock's share of one operation. Every entry expires an hour after its last write on both sides, and
// neither bounds its size. Ours copies each value that goes in or out, as its contract says; otter hands out the caller's.
func keyValueBenchmarks() []benchmark {
	const peer = "otter v2.4.0"
	return []benchmark{
		{name: "keyvalue-get", n: 2_000_000, peerName: peer, ours: ourStore.gets, peer: otterStore.gets, figures: []figure{nsPerOp}},
		{name: "keyvalue-set", n: 1_000_000, peerName: peer, ours: ourStore.sets, peer: otterStore.sets, figures: []figure{nsPerOp}},
	}
}

// store is what the two have in common.
type store struct {
	get func(key string) ([]byte, error)
	set func(key string, value []byte) error
	end func(ctx context.Context) error
}

type newStore func(ctx context.Context) store

var (
	ourStore newStore = func(ctx context.Context) store {
		c := memory.NewKeyValue(nil)
		return store{
			get: func(key string) ([]byte, error) { return c.Get(ctx, key) },
			set: func(key string, value []byte) error { return c.Set(ctx, key, value, ports.SetOptions{TTL: keyTTL}) },
			end: c.Close,
		}
	}
	otterStore newStore = func(context.Context) store {
		c := otter.Must(&otter.Options[string, []byte]{ExpiryCalculator: otter.ExpiryWriting[string, []byte](keyTTL)})
		return store{
			get: func(key string) ([]byte, error) {
				value, ok := c.GetIfPresent(key)
				if !ok {
					return nil, ports.ErrNotFound
				}
				return value, nil
			},
			set: func(key string, value []byte) error { c.Set(key, value); return nil },
			end: func(context.Context) error { c.StopAllGoroutines(); return nil },
		}
	}
)

func (open newStore) gets(ctx context.Context) (workload, error) {
	s, keys, value := open(ctx), benchKeys(), bytes.Repeat([]byte("v"), valueSize)
	for _, key := range keys {
		if err := s.set(key, value); err != nil {
			return workload{}, err
		}
	}
	return workload{stop: s.end, run: func(_ context.Context, n int) error {
		return onAllCores(n, func(i uint32) error {
			got, err := s.get(keys[i%keyCount])
			if err == nil && len(got) != valueSize {
				err = fmt.Errorf("a value has %d bytes; want %d", len(got), valueSize)
			}
			return err
		})
	}}, nil
}

func (open newStore) sets(ctx context.Context) (workload, error) {
	s, keys, value := open(ctx), benchKeys(), bytes.Repeat([]byte("v"), valueSize)
	return workload{stop: s.end,
		run: func(_ context.Context, n int) error {
			return onAllCores(n, func(i uint32) error { return s.set(keys[i%keyCount], value) })
		},
		check: func(_ context.Context, n int) error {
			return onAllCores(n, func(i uint32) error {
				got, err := s.get(keys[i%keyCount])
				if err == nil && !bytes.Equal(got, value) {
					err = fmt.Errorf("%s holds %d bytes, not the value that was written", keys[i%keyCount], len(got))
				}
				return err
			})
		}}, nil
}

func benchKeys() []string {
	keys := make([]string, keyCount)
	for i := range keys {
		keys[i] = fmt.Sprintf("safari:booking:%06d", i)
	}
	return keys
}

// onAllCores runs do n times, with numbers that look random and are the same every time.
func onAllCores(n int, do func(i uint32) error) error {
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			x := uint32(w)*2654435761 + 1
			for i := w; i < n; i += workers {
				x ^= x << 13
				x ^= x >> 17
				x ^= x << 5
				if err := do(x); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
