package redis

import (
	"context"

	"github.com/redis/rueidis"
)

// slotGroup is keys of one slot, with their places in the caller's list.
type slotGroup struct {
	keys   []string
	places []int
}

// bySlot puts keys into groups that one command may hold: all together where there are no slots.
func bySlot(l *link, keys []string) []slotGroup {
	if !l.clustered() {
		places := make([]int, len(keys))
		for i := range places {
			places[i] = i
		}
		return []slotGroup{{keys, places}}
	}
	groups := make([]slotGroup, 0, len(keys))
	known := make(map[uint16]int, len(keys))
	for i, key := range keys {
		slot := slotOf(key)
		n, ok := known[slot]
		if !ok {
			n = len(groups)
			known[slot] = n
			groups = append(groups, slotGroup{})
		}
		groups[n].keys = append(groups[n].keys, key)
		groups[n].places = append(groups[n].places, i)
	}
	return groups
}

// enterKeys is enter for keys, as they are sent.
func (k *KeyValue) enterKeys(ctx context.Context, op string, names []string) ([]string, error) {
	keys := make([]string, len(names))
	for i, name := range names {
		key, bad := k.key(k.action, name)
		if bad != nil {
			return nil, k.enter(ctx, op, bad)
		}
		keys[i] = key
	}
	return keys, k.enter(ctx, op, nil)
}

// each sends a command for each group, all on their way together, and hands what comes back to read.
func (k *KeyValue) each(ctx context.Context, op string, l *link, groups []slotGroup,
	command func(b rueidis.Builder, keys []string) rueidis.Completed, read func(g slotGroup, r rueidis.RedisResult) error) error {
	if len(groups) == 1 {
		return k.failed(ctx, op, read(groups[0], l.do(ctx, command(l.B(), groups[0].keys))))
	}
	commands := make([]rueidis.Completed, len(groups))
	for i, g := range groups {
		commands[i] = command(l.B(), g.keys)
	}
	for i, r := range l.doMulti(ctx, commands...) {
		if err := read(groups[i], r); err != nil {
			return k.failed(ctx, op, err)
		}
	}
	return nil
}

// MGet is [ports.KeyValue] MGet.
func (k *KeyValue) MGet(ctx context.Context, names ...string) ([][]byte, error) {
	const op = "mget"
	keys, err := k.enterKeys(ctx, op, names)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	l := k.reader(ctx)
	err = k.each(ctx, op, l, bySlot(l, keys),
		func(b rueidis.Builder, keys []string) rueidis.Completed { return b.Mget().Key(keys...).Build() },
		func(g slotGroup, r rueidis.RedisResult) error {
			found, err := r.ToArray()
			if err != nil {
				return err
			}
			for i, m := range found {
				if m.IsNil() {
					continue
				}
				value, err := m.AsBytes()
				if err != nil {
					return err
				}
				values[g.places[i]] = present(value)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// Delete is [ports.KeyValue] Delete. Over several slots it may have deleted some keys when it fails.
func (k *KeyValue) Delete(ctx context.Context, names ...string) (int64, error) {
	return k.counted(ctx, "delete", names, k.keys,
		func(b rueidis.Builder, keys []string) rueidis.Completed { return b.Unlink().Key(keys...).Build() })
}

// Exists is [ports.KeyValue] Exists.
func (k *KeyValue) Exists(ctx context.Context, names ...string) (int64, error) {
	return k.counted(ctx, "exists", names, k.reader(ctx),
		func(b rueidis.Builder, keys []string) rueidis.Completed { return b.Exists().Key(keys...).Build() })
}

// counted adds up what the command counts in each slot.
func (k *KeyValue) counted(ctx context.Context, op string, names []string, l *link,
	command func(b rueidis.Builder, keys []string) rueidis.Completed) (int64, error) {
	keys, err := k.enterKeys(ctx, op, names)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	var sum int64
	err = k.each(ctx, op, l, bySlot(l, keys), command, func(_ slotGroup, r rueidis.RedisResult) error {
		n, err := r.AsInt64()
		sum += n
		return err
	})
	return sum, err
}
