package dataplane

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
)

// History calls each with the versions of at.Path in all snapshots, the newest
// first; at.Snap is not looked at.
func (c *Client) History(ctx context.Context, at At, each func(PathVersion) error) (Answer, error) {
	return askIndex(ctx, c, OpHistory, at, nil, each)
}

// FindQuery says what to look for.
type FindQuery struct {
	// Pattern is as index.ParsePattern has it.
	Pattern    string
	IgnoreCase bool
	// Limit is how many paths are given at most, DefaultIndexLimit for 0.
	Limit int
}

// Find calls each with the paths that match, in at.Snap or, without one, in any
// snapshot; at.Path is not looked at.
func (c *Client) Find(ctx context.Context, at At, q FindQuery, each func(FoundPath) error) (Answer, error) {
	v := url.Values{"pattern": {q.Pattern}}
	if q.IgnoreCase {
		v.Set("ignore_case", "1")
	}
	return askIndex(ctx, c, OpFind, at, limited(v, q.Limit), each)
}

// Diff calls each with what differs at or beneath at.Path between at.Snap and
// the snapshot to, or the live files where to is empty.
func (c *Client) Diff(ctx context.Context, at At, to string, limit int, each func(ChangedPath) error) (Answer, error) {
	return askIndex(ctx, c, OpDiff, at, limited(url.Values{"to": {to}}, limit), each)
}

// Sizes calls each with what takes the room at and beneath at.Path of a
// snapshot, down to depth levels: the path itself, then what is in it, the
// largest first and each followed by its own content.
func (c *Client) Sizes(ctx context.Context, at At, depth, limit int, each func(PathSize) error) error {
	_, err := askIndex(ctx, c, OpSizes, at, limited(url.Values{"depth": {strconv.Itoa(depth)}}, limit), each)
	return err
}

func limited(q url.Values, limit int) url.Values {
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}

// askIndex reads the lines of an answer. An error of each ends it.
func askIndex[T any](ctx context.Context, c *Client, op Op, at At, q url.Values, each func(T) error) (Answer, error) {
	resp, err := c.getAt(ctx, op, at, q, nil)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(resp.Body, 64<<10))
	for {
		var line struct {
			Item  *T         `json:"item"`
			End   *Answer    `json:"end"`
			Error *wireError `json:"error"`
		}
		if err := dec.Decode(&line); err != nil {
			return Answer{}, c.broken(err)
		}
		switch {
		case line.Item != nil:
			if err := each(*line.Item); err != nil {
				return Answer{}, err
			}
		case line.End != nil:
			return *line.End, nil
		case line.Error != nil:
			return Answer{}, fromWire(*line.Error)
		default:
			return Answer{}, c.broken(errors.New("a line of the answer is neither item nor end"))
		}
	}
}
