package conformance

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/breakwater-go/breakwater/ports"
)

func kvStringCases() []kvCase {
	return []kvCase{
		kvCoreCase("get-returns-what-set-wrote", "001", kvGetReturnsWhatSetWrote),
		kvCoreCase("get-of-absent-key", "002", func(ctx context.Context, e *kvEnv) {
			v, err := e.Driver.Get(ctx, "absent")
			e.isKind(err, ports.ErrNotFound, "get of an absent key")
			e.check(v == nil, "get of an absent key returned %q beside its error", v)
		}),
		kvCoreCase("empty-value-is-no-absence", "003 010", kvEmptyValue),
		kvCoreCase("keys-are-any-text", "004", kvKeysAreAnyText),
		kvCoreCase("invalid-key", "005", kvInvalidKey),
		kvCoreCase("set-replaces", "006", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "k", "a longer first value")
			kvSet(ctx, e, "k", "new")
			kvWantString(ctx, e, "k", "new")
		}),
		kvCoreCase("set-if-absent", "007", kvSetIfAbsent),
		kvCoreCase("set-if-absent-has-one-winner", "008", kvSetIfAbsentOneWinner),
		kvCoreCase("mget-keeps-order", "009 010", kvMGetKeepsOrder),
		kvCoreCase("delete-counts", "011", kvDeleteCounts),
		kvCoreCase("exists-counts", "012", func(ctx context.Context, e *kvEnv) {
			kvSet(ctx, e, "a", "1")
			kvSet(ctx, e, "b", "2")
			n, err := e.Driver.Exists(ctx, "a", "absent", "b", "a")
			e.noError(err, "exists")
			e.check(n == 3, "exists of a, absent, b, a is %d; want 3", n)
		}),
		kvCoreCase("no-keys-is-no-work", "013", kvNoKeys),
		kvCoreCase("type-of-string", "014", func(ctx context.Context, e *kvEnv) {
			kvWantType(ctx, e, "k", ports.KeyNone)
			kvSet(ctx, e, "k", "v")
			kvWantType(ctx, e, "k", ports.KeyString)
		}),
		kvCoreCase("other-clients-see-writes", "015", kvOtherClientsSeeWrites),
	}
}

func kvGetReturnsWhatSetWrote(ctx context.Context, e *kvEnv) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, v := range map[string][]byte{
		"text": []byte("text"), "every byte": every, "not UTF-8": {0xff, 0xfe, 0}, "line ends": []byte("\r\n\x00\n"),
		"a megabyte": bytes.Repeat(every, 4096), "quoted": []byte(`"{\"a\":1}"`),
	} {
		e.noError(e.Driver.Set(ctx, "k", v, ports.SetOptions{}), "set "+name)
		got, err := e.Driver.Get(ctx, "k")
		e.noError(err, "get "+name)
		e.check(bytes.Equal(got, v), "%s: got %d bytes %.20q; want %d bytes %.20q", name, len(got), got, len(v), v)
	}
}

func kvEmptyValue(ctx context.Context, e *kvEnv) {
	for name, v := range map[string][]byte{"nil": nil, "empty": {}} {
		e.noError(e.Driver.Set(ctx, name, v, ports.SetOptions{}), "set of "+name)
		got, err := e.Driver.Get(ctx, name)
		e.noError(err, "get of "+name)
		e.check(got != nil && len(got) == 0, "%s was stored; got %#v; want an empty slice", name, got)
		n, err := e.Driver.Exists(ctx, name)
		e.noError(err, "exists")
		e.check(n == 1, "the key of a %s value is absent", name)
		many, err := e.Driver.MGet(ctx, name)
		e.noError(err, "mget")
		e.check(len(many) == 1 && many[0] != nil && len(many[0]) == 0, "mget of a %s value is %#v; want one empty slice", name, many)
	}
}

func kvKeysAreAnyText(ctx context.Context, e *kvEnv) {
	keys := []string{"a", "A", "a ", " a", "a:b", "a/b", "a\\b", "a.b", "a_b", "a-b", "a%3Ab", "ab", "a:", ":a", "a::b", "*", "a*", "?", "[a]",
		"a\nb", "a\x00b", "a\x00", "\u00e9", "e\u0301", "鍵", "🗝", "a'b", `a"b`, "$1", "%s", strings.Repeat("k", 500), strings.Repeat("k", 501)}
	for i, key := range keys {
		kvSet(ctx, e, key, fmt.Sprint("value ", i))
	}
	for i, key := range keys {
		kvWantString(ctx, e, key, fmt.Sprint("value ", i))
	}
	n, err := e.Driver.Delete(ctx, keys...)
	e.noError(err, "delete")
	e.check(n == int64(len(keys)), "deleted %d of %d keys", n, len(keys))
}

func kvInvalidKey(ctx context.Context, e *kvEnv) {
	kvSet(ctx, e, "ok", "kept")
	for _, m := range kvDeclared(e.Driver) {
		for _, key := range []string{"", "\xff\xfe"} {
			e.isKind(m.call(ctx, e.Driver, key), ports.ErrInvalid, fmt.Sprintf("%s of key %q", m.name, key))
		}
	}
	kvWantString(ctx, e, "ok", "kept") // Delete names it before the key that cannot be
}

func kvSetIfAbsent(ctx context.Context, e *kvEnv) {
	ifAbsent := ports.SetOptions{IfAbsent: true}
	e.noError(e.Driver.Set(ctx, "k", []byte("first"), ifAbsent), "set of an absent key")
	e.isKind(e.Driver.Set(ctx, "k", []byte("second"), ifAbsent), ports.ErrAlreadyExists, "set of an existing key")
	kvWantString(ctx, e, "k", "first")
	_, err := e.Driver.Delete(ctx, "k")
	e.noError(err, "delete")
	e.noError(e.Driver.Set(ctx, "k", []byte("third"), ifAbsent), "set of a deleted key")
	kvWantString(ctx, e, "k", "third")
}

func kvSetIfAbsentOneWinner(ctx context.Context, e *kvEnv) {
	for round := range 5 {
		key := fmt.Sprint("k", round)
		won := kvWins(ctx, e, ports.ErrAlreadyExists, "set if absent", func(d ports.KeyValue, i int) error {
			return d.Set(ctx, key, []byte{byte(i)}, ports.SetOptions{IfAbsent: true})
		})
		e.check(won == 1, "%d of %d clients set the absent key; want 1", won, kvClients)
	}
}

func kvMGetKeepsOrder(ctx context.Context, e *kvEnv) {
	kvSet(ctx, e, "b", "2")
	kvSet(ctx, e, "empty", "")
	kvSet(ctx, e, "a", "1")
	got, err := e.Driver.MGet(ctx, "b", "absent", "a", "empty", "b")
	e.noError(err, "mget")
	want := [][]byte{[]byte("2"), nil, []byte("1"), {}, []byte("2")}
	e.check(fmt.Sprintf("%#v", got) == fmt.Sprintf("%#v", want), "mget is %#v; want %#v", got, want)
}

func kvDeleteCounts(ctx context.Context, e *kvEnv) {
	for _, key := range []string{"a", "b", "kept"} {
		kvSet(ctx, e, key, "v")
	}
	n, err := e.Driver.Delete(ctx, "a", "absent", "b", "a")
	e.noError(err, "delete")
	e.check(n == 2, "delete of a, absent, b, a is %d; want 2", n)
	kvWantAbsent(ctx, e, "a", "b")
	kvWantString(ctx, e, "kept", "v")
	n, err = e.Driver.Delete(ctx, "a")
	e.noError(err, "delete again")
	e.check(n == 0, "delete of an absent key is %d; want 0", n)
}

func kvNoKeys(ctx context.Context, e *kvEnv) {
	kvSet(ctx, e, "k", "kept")
	values, err := e.Driver.MGet(ctx)
	e.noError(err, "mget")
	e.check(len(values) == 0, "mget without keys is %q", values)
	n, err := e.Driver.Delete(ctx)
	e.noError(err, "delete")
	e.check(n == 0, "delete without keys is %d", n)
	n, err = e.Driver.Exists(ctx)
	e.noError(err, "exists")
	e.check(n == 0, "exists without keys is %d", n)
	kvWantString(ctx, e, "k", "kept")
}

func kvOtherClientsSeeWrites(ctx context.Context, e *kvEnv) {
	other := e.peer(ctx)
	for i := range 10 {
		want := fmt.Sprint("value ", i)
		kvSet(ctx, e, "k", want)
		got, err := other.Get(ctx, "k")
		e.noError(err, "get by another client")
		e.check(string(got) == want, "another client reads %q after %q was written", got, want)
	}
	_, err := other.Delete(ctx, "k")
	e.noError(err, "delete by another client")
	kvWantAbsent(ctx, e, "k")
}
