package redis

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/breakwater-go/breakwater/ports"
)

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		slotting   Slotting
		name, want string
	}{
		{Distributed, "booking:8848", "safari_pro:data:booking:8848"},
		{Distributed, "{hotel:987}:name", "safari_pro:data:{hotel:987}:name"},
		{Distributed, "hotel:987:name", "safari_pro:data:hotel:987:name"},
		{EntityTagged, "hotel:987:name", "safari_pro:data:{hotel:987}:name"},
		{EntityTagged, "{hotel:987}:name", "safari_pro:data:{hotel:987}:name"},
		{EntityTagged, "hotel:987:name:en", "safari_pro:data:{hotel:987}:name:en"},
		{EntityTagged, "booking:8848", "safari_pro:data:{booking}:8848"},
		{EntityTagged, "settings", "safari_pro:data:{settings}"},
		{EntityTagged, ":x", "safari_pro:data::x"},
		{EntityTagged, "a{b", "safari_pro:data:{a{b}"},
		{VirtualShards, "booking:8848", "{safari_pro_shard_32}:data:booking:8848"},
		{VirtualShards, "{booking:8848}:x", "{safari_pro_shard_32}:data:{booking:8848}:x"},
		{VirtualShards, "{booking:8848}:y", "{safari_pro_shard_32}:data:{booking:8848}:y"},
	} {
		got, err := naming{"safari_pro", c.slotting}.key(actionData, c.name)
		if err != nil || got != c.want {
			t.Errorf("%s %q is %q, %v; want %q", c.slotting, c.name, got, err, c.want)
		}
	}
}

func TestEntityTaggedRefusesOtherTags(t *testing.T) {
	for _, name := range []string{"{hotel}:987:name", "hotel:{987}:name", "{a}b", "x{y}", "{hotel:987:name}"} {
		_, err := naming{"s", EntityTagged}.key(actionData, name)
		if err == nil || !strings.Contains(err.Error(), "valid under entity_tagged slotting is") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestActionsAreApart(t *testing.T) {
	seen := map[string]action{}
	for _, a := range []action{actionData, actionCache, actionStream, actionQueue, actionPubSub} {
		key, err := naming{"s", Distributed}.key(a, "k")
		if err != nil || seen[key] != "" {
			t.Errorf("%s and %s share %q (%v)", a, seen[key], key, err)
		}
		seen[key] = a
	}
}

// The slots are those of CLUSTER KEYSLOT, read from a server.
func TestSlotOf(t *testing.T) {
	for key, want := range map[string]uint16{"123456789": 12739, "foo": 12182, "{foo}:bar": 12182, "foo{}bar": 14292, "a{b": 13340,
		"svc:data:{x:y}:z": 13385, "é": 10180} {
		if got := slotOf(key); got != want {
			t.Errorf("%q lies in slot %d; want %d", key, got, want)
		}
	}
}

// FuzzKeys: two names are two keys, unless the slotting says that they are one; a shard's keys share a slot; nothing
// panics.
func FuzzKeys(f *testing.F) {
	for _, pair := range [][2]string{{"a", "b"}, {"{hotel:987}:name", "hotel:987:name"}, {"a:b:c", "a:b"}, {":", "::"}, {"{}x", "x"},
		{"a}b", "a{b"}, {"{a}b:c", "a:b:c"}, {"a:y}:z", "a}:y:z"}, {"\xff", ""}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range slottings() {
			n := naming{"svc", s}
			ka, ea := n.key(actionData, a)
			kb, eb := n.key(actionData, b)
			if (a == "" || !utf8.ValidString(a)) && ea == nil {
				t.Errorf("%s takes %q", s, a)
			}
			if ea != nil || eb != nil {
				continue
			}
			if ka == kb && a != b && (s != EntityTagged || bare(a) != bare(b)) {
				t.Errorf("%s: %q and %q are both %q", s, a, b, ka)
			}
			if a == b && ka != kb {
				t.Errorf("%s: %q is %q and %q", s, a, ka, kb)
			}
			if tag := ports.ShardOf(a); tag != "" && tag == ports.ShardOf(b) && slotOf(ka) != slotOf(kb) {
				t.Errorf("%s: %q and %q of one shard lie in slots %d and %d", s, a, b, slotOf(ka), slotOf(kb))
			}
		}
	})
}

// bare is a name without its first braces.
func bare(name string) string {
	return strings.Replace(strings.Replace(name, "{", "", 1), "}", "", 1)
}
