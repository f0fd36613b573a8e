// Package cache keeps typed values over [ports.KeyValue], each in an envelope that services of any language read, and
// handles what is sensitive with the care that package sensitivity asks for.
//
//	c, err := cache.New(cache.Config{KeyValue: kv, Service: "safari_pro"})
//	err = cache.Set(ctx, c, "tour:8848", tour, cache.WriteOptions{TTL: time.Hour})
//	tour, err := cache.Get[Tour](ctx, c, "tour:8848") // ports.ErrNotFound when absent or expired
//
// How long and where a value is kept follows from its level, which field names give and options raise:
//
//	critical   at most 60 s, and only in Config.Volatile, which never writes to disk; without one it is refused
//	high       at most 300 s
//	others     Config.TTL, 3 days unless set
//
// A key that becomes critical leaves no copy behind in the other store. Reads look into Volatile first.
package cache

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/breakwater-go/breakwater/core/sensitivity"
	"github.com/breakwater-go/breakwater/ports"
	"github.com/breakwater-go/breakwater/ports/wire"
)

// Bounds of how long values are kept.
const (
	DefaultTTL  = 72 * time.Hour
	HighTTL     = 300 * time.Second
	CriticalTTL = 60 * time.Second
)

const owner = "cache" // stands in errors where a driver's name would

// Config says where values live; KeyValue and Service are required.
type Config struct {
	// KeyValue needs the capability TTL.
	KeyValue ports.KeyValue
	// Volatile takes critical values; it must declare Volatile and TTL. Nil: critical values are refused.
	Volatile ports.KeyValue
	// Service names the writer in each envelope.
	Service string
	// TTL of values that are neither high nor critical; 0 = 3 days.
	TTL    time.Duration
	Logger *slog.Logger // nil = silent
}

// Cache is safe for concurrent use. It owns nothing: whoever made the stores closes them.
type Cache struct {
	cfg   Config
	loads singleflight.Group
}

// New checks the configuration.
func New(cfg Config) (*Cache, error) {
	invalid := func(format string, args ...any) (*Cache, error) {
		return nil, ports.Errorf(owner, "new", ports.ErrInvalid, format, args...)
	}
	switch {
	case cfg.KeyValue == nil:
		return invalid("KeyValue is nil; valid is any driver's")
	case !cfg.KeyValue.KeyValueCapabilities().TTL:
		return invalid("KeyValue %q does not declare TTL; a cache needs it", cfg.KeyValue.Name())
	case cfg.Service == "":
		return invalid("Service is empty; valid is the name of this service")
	case cfg.TTL < 0:
		return invalid("TTL is %v; valid is above 0, or 0 for %v", cfg.TTL, DefaultTTL)
	}
	if v := cfg.Volatile; v != nil {
		if c := v.KeyValueCapabilities(); !c.Volatile || !c.TTL {
			return invalid("Volatile %q does not declare Volatile and TTL; valid is a store that never writes to disk, such as memory's", v.Name())
		}
	}
	cfg.TTL = cmp.Or(cfg.TTL, DefaultTTL)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Cache{cfg: cfg}, nil
}

// WriteOptions of the zero value mean: the level that the field names give, its TTL, event "update", no tenant.
type WriteOptions struct {
	// TTL is cut to what the value's level allows; 0 = that level's own.
	TTL time.Duration
	// Sensitivity raises the level, never lowers it.
	Sensitivity sensitivity.Level
	// Tenant and Event stand in the envelope.
	Tenant, Event string
}

// Delete removes keys of any type and returns how many there were.
func Delete(ctx context.Context, c *Cache, keys ...string) (int64, error) {
	var n int64
	for _, store := range c.stores() {
		deleted, err := store.Delete(ctx, keys...)
		n += deleted
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// stores in the order in which reads look.
func (c *Cache) stores() []ports.KeyValue {
	if c.cfg.Volatile == nil {
		return []ports.KeyValue{c.cfg.KeyValue}
	}
	return []ports.KeyValue{c.cfg.Volatile, c.cfg.KeyValue}
}

// find asks the stores in turn until one has it.
func find[T any](c *Cache, ask func(ports.KeyValue) (T, error)) (v T, err error) {
	for _, store := range c.stores() {
		if v, err = ask(store); ports.KindOf(err) != ports.ErrNotFound {
			return v, err
		}
	}
	return v, err
}

// placement is where a value goes and how long it stays.
type placement struct {
	store ports.KeyValue
	ttl   time.Duration
	level sensitivity.Level
}

func (c *Cache) place(op, key string, level sensitivity.Level, wanted time.Duration) (placement, error) {
	if wanted < 0 {
		return placement{}, ports.Errorf(owner, op, ports.ErrInvalid, "key %q: ttl is %v; valid is 0 (the level's own) or more", key, wanted)
	}
	if wanted == 0 {
		wanted = c.cfg.TTL
	}
	switch {
	case level < sensitivity.High:
		return placement{c.cfg.KeyValue, wanted, level}, nil
	case level == sensitivity.High:
		return placement{c.cfg.KeyValue, min(wanted, HighTTL), level}, nil
	case c.cfg.Volatile == nil:
		return placement{}, ports.Errorf(owner, op, ports.ErrUnsupported, "key %q: the value is critical and there is no Config.Volatile to keep it in; nothing was written", key)
	}
	return placement{c.cfg.Volatile, min(wanted, CriticalTTL), level}, nil
}

// seal puts a value into its envelope and tells its level.
func seal[T any](c *Cache, op, key string, value T, o WriteOptions) (sealed []byte, level sensitivity.Level, err error) {
	payload, err := wire.Marshal(value)
	if err != nil {
		return nil, 0, ports.Errorf(owner, op, ports.ErrInvalid, "key %q: a %T cannot be written as JSON", key, value)
	}
	e := wire.Envelope{
		RequestID: uuid.NewString(), Event: cmp.Or(o.Event, wire.EventUpdate), Type: wire.TypeCache, Service: c.cfg.Service,
		Payload: payload, Timestamp: wire.Timestamp{Time: time.Now()},
	}
	if o.Tenant != "" {
		e.TenantName = &o.Tenant
	}
	sealed, err = wire.EncodeEnvelope(e)
	return sealed, levelOf(value, payload, o.Sensitivity), err
}

// levelOf also looks into bytes and text, whose own JSON form hides the field names of a document in them.
func levelOf(value any, payload []byte, declared sensitivity.Level) sensitivity.Level {
	switch v := value.(type) {
	case []byte:
		payload = v
	case string:
		payload = []byte(v)
	}
	return sensitivity.Of(payload, declared)
}

// unseal takes the payload out of what a store held.
func unseal[T any](op, key string, data []byte) (v T, err error) {
	payload, _, err := wire.DecodeEnvelope(data)
	if err == nil {
		err = wire.Unmarshal(payload, &v)
	}
	if err != nil {
		return v, ports.Errorf(owner, op, ports.ErrCorrupt, "key %q: %w", key, err)
	}
	return v, nil
}
