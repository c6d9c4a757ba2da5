package catalog

import (
	"context"

	"planb/internal/policy"
)

// GroupShown is a group with what its hosts inherit.
type GroupShown struct {
	Group
	Policy policy.Effective `json:"policy"`
}

// GroupShown gives all there is to show about a group.
func (s *Store) GroupShown(ctx context.Context, name string) (GroupShown, error) {
	g, err := s.Group(ctx, name)
	if err != nil {
		return GroupShown{}, err
	}
	effective, err := s.GroupEffective(ctx, name)
	return GroupShown{g, effective}, err
}
