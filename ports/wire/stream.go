package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// Fields of a stream entry that carries a message.
const (
	fieldRequestID = "request_id"
	fieldEvent     = "event"
	fieldType      = "type"
	fieldService   = "service"
	fieldTenant    = "tenant_name"
	fieldPayload   = "payload"
	fieldTimestamp = "timestamp"
	fieldKey       = "key"
	fieldHeaders   = "headers"
)

// deliverAtLayout is RFC 3339 in UTC with milliseconds.
const deliverAtLayout = "2006-01-02T15:04:05.000Z"

// EncodeStream gives the flat fields of m as a stream entry. service is the sender's service name, unless the header
// breakwater-service names another. A payload that is not JSON travels raw.
func EncodeStream(m *ports.Message, service string, at time.Time) ([]ports.Field, error) {
	headers := withDeliverAt(m)
	take := func(name, absent string) []byte {
		if v, ok := headers[name]; ok {
			delete(headers, name)
			return []byte(v)
		}
		return []byte(absent)
	}
	fields := []ports.Field{
		{Name: fieldRequestID, Value: []byte(m.ID)},
		{Name: fieldEvent, Value: take(ports.HeaderEvent, EventUpdate)},
		{Name: fieldType, Value: []byte(TypeStream)},
		{Name: fieldService, Value: take(ports.HeaderService, service)},
		{Name: fieldTenant, Value: take(ports.HeaderTenant, "")},
		{Name: fieldPayload, Value: m.Payload},
		{Name: fieldTimestamp, Value: []byte(Timestamp{at}.String())},
	}
	return appendKeyAndHeaders(fields, m.Key, headers)
}

// DecodeStream reads a message from an entry with any subset of the fields; what is missing stays empty, and an entry
// without request_id gets its own position as a stable id.
func DecodeStream(topic string, e ports.Entry) (*ports.Message, error) {
	m := &ports.Message{ID: e.ID, Topic: topic}
	headers := map[string]string{}
	for _, f := range e.Fields {
		switch f.Name {
		case fieldRequestID:
			if len(f.Value) > 0 {
				m.ID = string(f.Value)
			}
		case fieldPayload:
			m.Payload = append([]byte{}, f.Value...)
		case fieldTimestamp:
			t, err := ParseTimestamp(string(f.Value))
			if err != nil {
				return nil, err
			}
			m.PublishedAt = t.Time
		case fieldKey:
			m.Key = string(f.Value)
		case fieldHeaders:
			if err := decodeHeaders(f.Value, headers); err != nil {
				return nil, err
			}
		case fieldEvent:
			setUnlessEmpty(headers, ports.HeaderEvent, f.Value)
		case fieldService:
			setUnlessEmpty(headers, ports.HeaderService, f.Value)
		case fieldTenant:
			setUnlessEmpty(headers, ports.HeaderTenant, f.Value)
		}
	}
	return m, setHeaders(m, headers)
}

func appendKeyAndHeaders(fields []ports.Field, key string, headers map[string]string) ([]ports.Field, error) {
	if key != "" {
		fields = append(fields, ports.Field{Name: fieldKey, Value: []byte(key)})
	}
	if len(headers) > 0 {
		text, err := Marshal(headers)
		if err != nil {
			return nil, err
		}
		fields = append(fields, ports.Field{Name: fieldHeaders, Value: text})
	}
	return fields, nil
}

// withDeliverAt copies the headers and adds DeliverAt, which has no field of its own on any wire.
func withDeliverAt(m *ports.Message) map[string]string {
	headers := maps.Clone(m.Headers)
	if headers == nil {
		headers = map[string]string{}
	}
	if !m.DeliverAt.IsZero() {
		// Rounded up: a message must not come before its time.
		up := m.DeliverAt.Add(time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
		headers[ports.HeaderDeliverAt] = up.UTC().Format(deliverAtLayout)
	}
	return headers
}

// setHeaders gives m its headers, and DeliverAt back from them.
func setHeaders(m *ports.Message, headers map[string]string) error {
	if text, ok := headers[ports.HeaderDeliverAt]; ok {
		t, err := ParseTimestamp(text)
		if err != nil {
			return fmt.Errorf("header %s: %w", ports.HeaderDeliverAt, err)
		}
		m.DeliverAt = t.Time
		delete(headers, ports.HeaderDeliverAt)
	}
	if len(headers) > 0 {
		m.Headers = headers
	}
	return nil
}

func decodeHeaders(data []byte, into map[string]string) error {
	if len(data) == 0 {
		return nil
	}
	var read map[string]string
	if json.Unmarshal(data, &read) != nil {
		return fmt.Errorf("field headers is no JSON object of strings")
	}
	maps.Copy(into, read)
	return nil
}

func setUnlessEmpty(headers map[string]string, name string, value []byte) {
	if len(value) > 0 {
		headers[name] = string(value)
	}
}
