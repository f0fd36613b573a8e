package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/breakwater-go/breakwater/ports"
)

// action is the second part of a key. It goes by port and not by content, so that one port's Delete and Expire find what
// its Set wrote.
type action string

const (
	actionData   action = "data"   // KeyValue
	actionCache  action = "cache"  // the cache's KeyValue
	actionStream action = "stream" // streams and topics
	actionQueue  action = "queue"  // lists as topics
	actionPubSub action = "pubsub" // channels as topics
)

// naming makes keys of one service.
type naming struct {
	service  string
	slotting Slotting
}

// key is the name as it is sent: service:action:name, or with a virtual shard's tag before. The error is plain text for an
// ErrInvalid.
func (n naming) key(a action, name string) (string, error) {
	if err := ports.ValidateKey(name); err != nil {
		return "", err
	}
	name, err := n.slotting.caller(name)
	if err != nil {
		return "", err
	}
	if n.slotting == VirtualShards {
		return "{" + n.service + "_shard_" + strconv.FormatUint(uint64(virtualShard(name)), 10) + "}:" + string(a) + ":" + name, nil
	}
	return n.plain(a, name), nil
}

// plain is service:action:name whatever the slotting, for names that bring their own tags.
func (n naming) plain(a action, name string) string { return n.service + ":" + string(a) + ":" + name }

// validateService says why a text cannot be the service's part of a key, or nil.
func validateService(service string) error {
	switch {
	case service == "":
		return errors.New("is empty; valid is any text without colon or brace")
	case strings.ContainsAny(service, ":{}"):
		return fmt.Errorf("is %q; valid is any text without colon or brace", service)
	}
	return nil
}
