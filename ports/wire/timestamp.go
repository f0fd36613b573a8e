package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// timestampLayout is how Breakwater writes times into envelopes and entries: UTC, microseconds, no zone, as Python's
// datetime.isoformat does.
const timestampLayout = "2006-01-02T15:04:05.000000"

// isoLayouts are the ISO 8601 forms that readers take; Go accepts a fraction of seconds, after a dot or a comma, with
// each of them. Without a zone a time is UTC.
var isoLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "20060102T150405Z0700", "20060102T150405Z07:00", "20060102T150405",
	"20060102T1504Z0700", "20060102T1504", "2006-01-02", "20060102",
}

// Timestamp is a time as envelopes carry it.
type Timestamp struct{ time.Time }

// String is the written form.
func (t Timestamp) String() string { return t.UTC().Format(timestampLayout) }

// MarshalJSON writes the time as a string.
func (t Timestamp) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON takes any ISO 8601 form, and null or "" as the zero time.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("timestamp is no string")
	}
	if text == nil {
		*t = Timestamp{}
		return nil
	}
	parsed, err := ParseTimestamp(*text)
	*t = parsed
	return err
}

// ParseTimestamp takes any ISO 8601 form of a calendar date, with or without time and zone ("T" may be a space or lower
// case); "" is the zero time.
func ParseTimestamp(text string) (Timestamp, error) {
	if text == "" {
		return Timestamp{}, nil
	}
	s := strings.ToUpper(text)
	if len(s) > 10 && s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	for _, layout := range isoLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return Timestamp{t.UTC()}, nil
		}
	}
	return Timestamp{}, fmt.Errorf("timestamp is not ISO 8601; valid is a form such as %s", timestampLayout)
}
