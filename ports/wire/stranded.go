package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/breakwater-go/breakwater/ports"
)

// The names under which messages are stranded: the prefix of a Redis stream and of a Pulsar topic.
const (
	strandedStreamPrefix = "emergency-fallback:"
	strandedTopicPrefix  = "emergency-fallback-redis-"
)

const (
	fieldOrigin   = "origin_topic"
	fieldFailedAt = "failed_at"
	fieldData     = "data"
	fieldID       = "id"
)

// EscapeTopic makes any topic one URL path segment without colons; a plain name stays as it is. [UnescapeTopic] reverses
// it.
func EscapeTopic(topic string) string {
	return strings.ReplaceAll(url.PathEscape(topic), ":", "%3A")
}

// UnescapeTopic is the reverse of [EscapeTopic].
func UnescapeTopic(escaped string) (string, error) { return url.PathUnescape(escaped) }

// StrandedStream is the Redis stream that holds a topic's stranded messages.
func StrandedStream(topic string) string { return strandedStreamPrefix + EscapeTopic(topic) }

// StrandedTopic is the Pulsar topic, without tenant and namespace, that holds a topic's stranded messages.
func StrandedTopic(topic string) string { return strandedTopicPrefix + EscapeTopic(topic) }

// TopicOfStrandedStream is the reverse of [StrandedStream]; false for another stream.
func TopicOfStrandedStream(stream string) (string, bool) {
	return topicOf(stream, strandedStreamPrefix)
}

// TopicOfStrandedTopic is the reverse of [StrandedTopic]; false for another topic.
func TopicOfStrandedTopic(topic string) (string, bool) { return topicOf(topic, strandedTopicPrefix) }

func topicOf(name, prefix string) (string, bool) {
	escaped, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", false
	}
	topic, err := UnescapeTopic(escaped)
	return topic, err == nil
}

// EncodeStrandedFields gives m as an entry of a stranded stream.
func EncodeStrandedFields(m *ports.Message, failedAt time.Time) ([]ports.Field, error) {
	fields := []ports.Field{
		{Name: fieldOrigin, Value: []byte(m.Topic)},
		{Name: fieldFailedAt, Value: strconv.AppendFloat(nil, epoch(failedAt), 'f', -1, 64)},
		{Name: fieldData, Value: EmbedPayload(m.Payload)},
		{Name: fieldID, Value: []byte(m.ID)},
	}
	return appendKeyAndHeaders(fields, m.Key, withDeliverAt(m))
}

// DecodeStrandedFields is the reverse of [EncodeStrandedFields]; an entry without id gets its own position.
func DecodeStrandedFields(e ports.Entry) (m *ports.Message, failedAt time.Time, err error) {
	m = &ports.Message{ID: e.ID}
	headers := map[string]string{}
	for _, f := range e.Fields {
		switch f.Name {
		case fieldOrigin:
			m.Topic = string(f.Value)
		case fieldFailedAt:
			failedAt, err = fromEpochText(string(f.Value))
		case fieldData:
			m.Payload, err = ExtractPayload(append([]byte{}, f.Value...))
		case fieldID:
			if len(f.Value) > 0 {
				m.ID = string(f.Value)
			}
		case fieldKey:
			m.Key = string(f.Value)
		case fieldHeaders:
			err = decodeHeaders(f.Value, headers)
		}
		if err != nil {
			return nil, time.Time{}, err
		}
	}
	if m.Topic == "" {
		return nil, time.Time{}, fmt.Errorf("field %s is missing", fieldOrigin)
	}
	return m, failedAt, setHeaders(m, headers)
}

// strandedBody is a stranded message's body on Pulsar; id, key and headers are the message's own there.
type strandedBody struct {
	Origin string          `json:"origin"`
	Time   json.Number     `json:"time"`
	Data   json.RawMessage `json:"data"`
}

// EncodeStrandedBody gives topic and payload of m as a body; id, key, headers and DeliverAt travel beside it.
func EncodeStrandedBody(m *ports.Message, failedAt time.Time) ([]byte, error) {
	seconds := strconv.FormatFloat(epoch(failedAt), 'f', -1, 64)
	return Marshal(strandedBody{Origin: m.Topic, Time: json.Number(seconds), Data: EmbedPayload(m.Payload)})
}

// DecodeStrandedBody is the reverse of [EncodeStrandedBody].
func DecodeStrandedBody(body []byte) (topic string, payload []byte, failedAt time.Time, err error) {
	var b strandedBody
	if err = Unmarshal(body, &b); err != nil {
		return "", nil, time.Time{}, err
	}
	if b.Origin == "" {
		return "", nil, time.Time{}, fmt.Errorf("field origin is missing")
	}
	if payload, err = ExtractPayload(b.Data); err != nil {
		return "", nil, time.Time{}, err
	}
	if b.Time != "" {
		failedAt, err = fromEpochText(b.Time.String())
	}
	return b.Origin, payload, failedAt, err
}

// epoch is seconds since 1970 to the microsecond, as Python's time.time().
func epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// maxEpoch is the last second of the year 9999, the last that any reader of ISO 8601 takes.
const maxEpoch = 253402300799

func fromEpochText(text string) (time.Time, error) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > maxEpoch {
		return time.Time{}, fmt.Errorf("time of failure is no number of seconds since 1970")
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), nil
}
