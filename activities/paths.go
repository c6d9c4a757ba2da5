package activities

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"planb/internal/tree"
)

// Paths are paths of a host, with the bytes that they have there. In JSON, one
// that is no valid UTF-8 is an object with its bytes in base64: as a string it
// would come out as another.
type Paths []string

type rawPath struct {
	Bytes []byte `json:"bytes"`
}

// MarshalJSON implements json.Marshaler.
func (p Paths) MarshalJSON() ([]byte, error) {
	out := make([]any, len(p))
	for i, path := range p {
		if out[i] = path; !utf8.ValidString(path) {
			out[i] = rawPath{[]byte(path)}
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Paths) UnmarshalJSON(text []byte) error {
	var each []json.RawMessage
	if err := json.Unmarshal(text, &each); err != nil {
		return err
	}
	out := make(Paths, len(each))
	for i, e := range each {
		var raw rawPath
		err := json.Unmarshal(e, &out[i])
		if err != nil {
			if err := json.Unmarshal(e, &raw); err != nil {
				return err
			}
			out[i] = string(raw.Bytes)
		}
	}
	*p = out
	return nil
}

// Shown gives the paths for people: what is not printable is escaped.
func (p Paths) Shown() []string {
	shown := make([]string, len(p))
	for i, path := range p {
		shown[i], _ = tree.Escape(path)
	}
	return shown
}

// String gives all of them on one line.
func (p Paths) String() string { return strings.Join(p.Shown(), " ") }
