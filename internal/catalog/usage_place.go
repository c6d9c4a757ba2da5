package catalog

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// UsagePlace is a place in the list of usage samples.
type UsagePlace struct{ Day, Group, Host, HostID string }

// Place is where a sample is.
func (u UsageSample) Place() UsagePlace {
	group, name, _ := strings.Cut(u.Host, "/")
	return UsagePlace{u.Day, group, name, u.HostID}
}

// String is what ParseUsagePlace reads.
func (p UsagePlace) String() string {
	return strings.Join([]string{p.Day, p.Group, p.Host, p.HostID}, "/")
}

// ParseUsagePlace reads a place; ok is false where text is none.
func ParseUsagePlace(text string) (p UsagePlace, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return p, false
	}
	p = UsagePlace{parts[0], parts[1], parts[2], parts[3]}
	_, dayErr := time.Parse(time.DateOnly, p.Day)
	return p, dayErr == nil && uuid.Validate(p.HostID) == nil
}

// args are whether there is no place, and the place.
func (p *UsagePlace) args() []any {
	if p == nil {
		return []any{true, nil, "", "", nil}
	}
	return []any{false, p.Day, p.Group, p.Host, p.HostID}
}
