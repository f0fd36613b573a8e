// Package wire holds the byte forms that cross languages: what a Go service writes, Python and Node services read, and
// the reverse. The goldens in testdata are public API.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Marshal is JSON as it travels: compact, and with "<", ">" and "&" as they are.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Unmarshal decodes one JSON value; numbers that land in an any stay exact (json.Number). The error says where and what
// was expected, and never shows a value.
func Unmarshal(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return withoutValues(err, len(data))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("json: more than one value")
	}
	return nil
}

// withoutValues rewrites the library's errors, which may quote what was in the data.
func withoutValues(err error, size int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("json: field %q at byte %d does not fit %v", kind.Field, kind.Offset, kind.Type)
	case errors.As(err, &syntax):
		return fmt.Errorf("json: syntax error at byte %d of %d", syntax.Offset, size)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("json: ends early, at byte %d", size)
	}
	return fmt.Errorf("json: %T", err)
}
