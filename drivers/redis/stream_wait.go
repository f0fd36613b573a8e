package redis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/breakwater-go/breakwater/ports"
)

// longestBlock is how long one command waits: a frozen server is noticed when its answer is overdue after it, and a
// group that is deleted under a reader of several slots after it.
const longestBlock = time.Second

// source is what a waiting call reads from.
type source struct {
	// block reads the only slot, and waits there.
	block func(ctx context.Context, block time.Duration) ([]ports.Entry, error)
	// fetch reads all slots without waiting.
	fetch func(ctx context.Context) ([]ports.Entry, error)
	// places are the ids after which an entry is news, of each stream.
	places func(ctx context.Context) ([]string, error)
}

// wait reads until there is something, or block is over, or the port is closed. The order in which it looks loses no
// wake-up: the places are taken before the fetch or with it, and waited after.
func (r *reading) wait(ctx context.Context, open func(context.Context) (*source, error)) ([]ports.Entry, error) {
	limit := time.Now().Add(r.o.Block)
	alive, cancel := r.untilClosed(ctx)
	defer cancel()
	from, err := open(alive)
	if err != nil {
		return nil, r.broken(ctx, r.op, err)
	}
	for first := true; ; first = false {
		block := longestBlock
		if r.o.Block > 0 {
			block = min(block, time.Until(limit))
		}
		if block <= 0 && !first {
			return nil, nil
		}
		entries, err := r.once(alive, max(block, time.Millisecond), first, from)
		if err != nil || len(entries) > 0 {
			return entries, r.broken(ctx, r.op, err)
		}
	}
}

// once waits for up to block.
func (r *reading) once(ctx context.Context, block time.Duration, first bool, from *source) ([]ports.Entry, error) {
	if len(r.groups) == 1 {
		return from.block(ctx, block)
	}
	if first {
		if entries, err := from.fetch(ctx); err != nil || len(entries) > 0 {
			return entries, err
		}
	}
	places, err := from.places(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.wake(ctx, block, places); err != nil {
		return nil, err
	}
	return from.fetch(ctx)
}

// wake waits in all slots at the same time until one of them has an entry after the places, or block is over. It reads
// without a group, and so takes nothing from anybody when it ends the other waits.
func (r *reading) wake(ctx context.Context, block time.Duration, places []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	peek := *r
	peek.verb, peek.o.Count = []string{"XREAD"}, 1
	var (
		all     sync.WaitGroup
		once    sync.Once
		outcome error
	)
	for _, g := range r.groups {
		all.Go(func() {
			found, err := peek.guardedBlock(ctx, block, g, places)
			if err == nil && len(found) == 0 {
				return
			}
			once.Do(func() { outcome = err })
			cancel()
		})
	}
	all.Wait()
	return outcome
}

// guardedBlock is block on a goroutine of ours, whose panic would be the program's end.
func (r *reading) guardedBlock(ctx context.Context, block time.Duration, g slotGroup, ids []string) (found []ports.Entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("rueidis panicked: %v", p)
		}
	}()
	return r.block(ctx, block, g, ids)
}

// untilClosed is ctx, ended by the port's Close too.
func (p *port) untilClosed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-p.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// groupPlaces are the last ids that the group has handed out, one command a stream.
func (r *reading) groupPlaces(ctx context.Context, group string) ([]string, error) {
	commands := make([]rueidis.Completed, len(r.keys))
	for i, key := range r.keys {
		commands[i] = r.streams.B().XinfoGroups().Key(key).Build()
	}
	places := make([]string, len(r.keys))
	for i, result := range r.doAll(ctx, commands) {
		id, err := lastDelivered(result, group)
		if err != nil {
			return nil, err
		}
		if id == "" {
			return nil, noGroup(r.op, r.names[i], group)
		}
		places[i] = id
	}
	return places, nil
}

// lastDelivered finds the group's place in what XINFO GROUPS answered; "" = there is no such group.
func lastDelivered(result rueidis.RedisResult, group string) (string, error) {
	groups, err := result.ToArray()
	if err != nil {
		return "", err
	}
	for _, g := range groups {
		info, err := g.AsMap()
		if err != nil {
			return "", err
		}
		name, id := info["name"], info["last-delivered-id"]
		if text, err := name.ToString(); err != nil || text != group {
			continue
		}
		return id.ToString()
	}
	return "", nil
}
