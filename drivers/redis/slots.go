package redis

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/breakwater-go/breakwater/ports"
)

// Slotting lays keys into a Cluster's slots. Programs that share data share it; it changes the keys themselves, on every
// architecture.
type Slotting string

// The strategies.
const (
	// Distributed leaves keys as they are, with the caller's {tag} if there is one.
	Distributed Slotting = "distributed"
	// EntityTagged tags what a key is about: its first two segments if there are three or more, the first of two, or all
	// of one. "{hotel:987}:name" and "hotel:987:name" are the same key; any other tag of the caller's is ErrInvalid.
	EntityTagged Slotting = "entity_tagged"
	// VirtualShards puts each key into one of 64 shards by its tag, or as a whole.
	VirtualShards Slotting = "virtual_shards"
)

// virtualShards is fixed: another number would move every key.
const virtualShards = 64

// UnmarshalText takes one of the strategies.
func (s *Slotting) UnmarshalText(text []byte) error { return parseOne(s, text, slottings()...) }

func slottings() []Slotting { return []Slotting{Distributed, EntityTagged, VirtualShards} }

func (s Slotting) validate() error {
	if !slices.Contains(slottings(), s) {
		return invalid("config", "Slotting is %q; valid is %s", s, oneOf(slottings()...))
	}
	return nil
}

// caller is the key as the strategy wants it from callers: with the tag that it would give it.
func (s Slotting) caller(key string) (string, error) {
	if s != EntityTagged {
		return key, nil
	}
	if ports.ShardOf(key) == "" {
		return tagEntity(key), nil
	}
	bare := strings.Replace(strings.Replace(key, "{", "", 1), "}", "", 1)
	if tagged := tagEntity(bare); tagged != key {
		return "", fmt.Errorf("key %q has a tag of its own; valid under %s slotting is %q, or the same without braces", key, s, tagged)
	}
	return key, nil
}

// tagEntity puts braces around what the key is about. A key that begins with a colon and has no more is about nothing: it
// gets none, since Redis takes {} for no tag.
func tagEntity(key string) string {
	first := strings.IndexByte(key, ':')
	if first < 0 {
		return "{" + key + "}"
	}
	end := first
	if second := strings.IndexByte(key[first+1:], ':'); second >= 0 {
		end = first + 1 + second
	}
	if end == 0 {
		return key
	}
	return "{" + key[:end] + "}" + key[end:]
}

// virtualShard of a key.
func virtualShard(key string) uint32 {
	if tag := ports.ShardOf(key); tag != "" {
		key = tag
	}
	return crc32.ChecksumIEEE([]byte(key)) % virtualShards
}

// slotOf is the Cluster's slot of a key as it is sent.
func slotOf(key string) uint16 {
	if tag := ports.ShardOf(key); tag != "" {
		key = tag
	}
	var crc uint16
	for i := range len(key) {
		crc = crc<<8 ^ crc16Table[byte(crc>>8)^key[i]]
	}
	return crc % 16384
}

// crc16Table is of the polynomial 0x1021 (XMODEM), as Redis Cluster has it.
var crc16Table = makeCRC16Table()

func makeCRC16Table() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}
