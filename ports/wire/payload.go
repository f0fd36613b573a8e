package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// base64Field marks a payload that is not JSON inside a body that is.
const base64Field = "breakwater_base64"

// EmbedPayload makes a payload fit into a JSON body: JSON as it is, anything else as {"breakwater_base64":"…"}. JSON that
// has that very form itself is wrapped too, so that [ExtractPayload] always gives back what went in (JSON up to white
// space).
func EmbedPayload(payload []byte) json.RawMessage {
	if json.Valid(payload) {
		if _, marked := base64Of(payload); !marked {
			return payload
		}
	}
	return json.RawMessage(`{"` + base64Field + `":"` + base64.StdEncoding.EncodeToString(payload) + `"}`)
}

// ExtractPayload is the reverse of [EmbedPayload].
func ExtractPayload(embedded json.RawMessage) ([]byte, error) {
	text, marked := base64Of(embedded)
	if !marked {
		return embedded, nil
	}
	payload, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("payload: %s is not base64", base64Field)
	}
	return payload, nil
}

// base64Of is the text of an object whose only field is base64Field, a string.
func base64Of(data []byte) (string, bool) {
	if !bytes.Contains(data, []byte(base64Field)) || !isObject(data) {
		return "", false
	}
	var object map[string]any
	if json.Unmarshal(data, &object) != nil || len(object) != 1 {
		return "", false
	}
	text, ok := object[base64Field].(string)
	return text, ok
}
