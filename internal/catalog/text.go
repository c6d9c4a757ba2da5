package catalog

import "encoding/json"

// Text is a string that may be absent: empty in Go, null in JSON.
type Text string

// MarshalJSON gives null for the empty text.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}
