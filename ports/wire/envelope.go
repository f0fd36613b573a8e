package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// What an envelope is about: its type on the wire.
const (
	TypeCache  = "cache"
	TypeStream = "stream"
	TypePubSub = "pubsub"
	TypeQueue  = "queue"
)

// The events that Breakwater itself writes; applications add their own.
const (
	EventUpdate     = "update"
	EventInvalidate = "invalidate"
)

// Envelope is what stands around a cached value and around the body of a Pub/Sub message or a list element. The order of
// the fields is the order on the wire.
type Envelope struct {
	RequestID string `json:"request_id"`
	Event     string `json:"event"`
	// Type is the key's action: TypeCache, TypePubSub or TypeQueue.
	Type    string `json:"type"`
	Service string `json:"service"`
	// TenantName is null on the wire when nil.
	TenantName *string         `json:"tenant_name"`
	Payload    json.RawMessage `json:"payload"`
	Timestamp  Timestamp       `json:"timestamp"`
}

// EncodeEnvelope writes e; a payload that is not JSON is embedded as [EmbedPayload] says.
func EncodeEnvelope(e Envelope) ([]byte, error) {
	e.Payload = EmbedPayload(e.Payload)
	return Marshal(e)
}

// DecodeEnvelope reads a stored value: an object that has both payload and service is an envelope; any other JSON was
// written by somebody without envelopes and is the payload itself (envelope is then nil). What is no JSON is an error,
// which does not show the value.
func DecodeEnvelope(data []byte) (payload []byte, envelope *Envelope, err error) {
	var parts map[string]json.RawMessage
	if !isObject(data) || json.Unmarshal(data, &parts) != nil || parts["payload"] == nil || parts["service"] == nil {
		if !json.Valid(data) {
			return nil, nil, fmt.Errorf("neither an envelope nor JSON (%d bytes)", len(data))
		}
		return bytes.Clone(data), nil, nil
	}
	var e Envelope
	if err := Unmarshal(data, &e); err != nil {
		return nil, nil, fmt.Errorf("envelope: %w", err)
	}
	if e.Payload, err = ExtractPayload(e.Payload); err != nil {
		return nil, nil, err
	}
	return e.Payload, &e, nil
}

func isObject(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
}
