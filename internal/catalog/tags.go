package catalog

import "context"

// Tags gives the tags of the hosts that v sees, by name.
func (s *Store) Tags(ctx context.Context, v Visible) ([]string, error) {
	var c conditions
	c.see(v, "g.name")
	found, err := rows[struct{ Tag string }](ctx, s.pool, `select distinct t.tag from hosts h
		join groups g on g.id = h.group_id cross join unnest(h.tags) as t (tag) where `+c.sql()+` order by 1`, c.args...)
	tags := make([]string, len(found))
	for i, f := range found {
		tags[i] = f.Tag
	}
	return tags, s.explain(err)
}
