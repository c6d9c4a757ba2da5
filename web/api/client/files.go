package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/tarball"
	"planb/web/api"
)

// Files reads the files of one host as *dataplane.Client does. The dataset that
// it is asked about is always that of the host.
type Files struct {
	*Client
	Host ident.Host
}

// List gives a directory, page by page.
func (f Files) List(ctx context.Context, at dataplane.At) iter.Seq2[dataplane.Entry, error] {
	return func(yield func(dataplane.Entry, error) bool) {
		q := query("path", at.Path)
		for {
			var p page[dataplane.Entry]
			if err := f.getJSON(ctx, snapPath(f.Host, at.Snap)+"/files", q, &p); err != nil {
				yield(dataplane.Entry{}, err)
				return
			}
			for _, e := range p.Items {
				if !yield(e, nil) {
					return
				}
			}
			if p.Next == nil {
				return
			}
			q.Set("after", *p.Next)
		}
	}
}

// Stat describes a file.
func (f Files) Stat(ctx context.Context, at dataplane.At) (e dataplane.Entry, err error) {
	return e, f.getJSON(ctx, snapPath(f.Host, at.Snap)+"/stat", query("path", at.Path), &e)
}

// Archive reads files and directories as one archive.
func (f Files) Archive(ctx context.Context, at dataplane.At, format tarball.Format, paths ...string) (io.ReadCloser, error) {
	q := url.Values{"path": paths, "format": {"tar"}}
	if format == tarball.Zstd {
		q.Set("format", "tar.zst")
	}
	resp, err := f.get(ctx, snapPath(f.Host, at.Snap)+"/archive", q)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Find looks for files by their names.
func (f Files) Find(ctx context.Context, at dataplane.At, q dataplane.FindQuery, each func(dataplane.FoundPath) error) (dataplane.Answer, error) {
	v := query("pattern", q.Pattern, "snapshot", at.Snap, "limit", bounded(q.Limit))
	if q.IgnoreCase {
		v.Set("ignore_case", "true")
	}
	return ask(ctx, f, hostPath(f.Host)+"/find", v, each)
}

// History gives the versions of a file.
func (f Files) History(ctx context.Context, at dataplane.At, each func(dataplane.PathVersion) error) (dataplane.Answer, error) {
	return ask(ctx, f, hostPath(f.Host)+"/history", query("path", at.Path), each)
}

// Diff compares a snapshot with another, or with the live data.
func (f Files) Diff(ctx context.Context, at dataplane.At, to string, limit int, each func(dataplane.ChangedPath) error) (dataplane.Answer, error) {
	v := query("path", at.Path, "to", to, "limit", bounded(limit))
	return ask(ctx, f, snapPath(f.Host, at.Snap)+"/diff", v, each)
}

// bounded keeps a limit within what one answer of the API holds.
func bounded(limit int) string { return strconv.Itoa(max(1, min(limit, api.MostFound))) }

func ask[T any](ctx context.Context, f Files, path string, q url.Values, each func(T) error) (dataplane.Answer, error) {
	var got struct {
		Items  []T              `json:"items"`
		Answer dataplane.Answer `json:"answer"`
	}
	if err := f.getJSON(ctx, path, q, &got); err != nil {
		return got.Answer, err
	}
	for _, v := range got.Items {
		if err := each(v); err != nil {
			return got.Answer, err
		}
	}
	return got.Answer, nil
}

// Log gives a part of the log of a run.
func (c *Client) Log(ctx context.Context, run string, offset int64, wait time.Duration) (part dataplane.LogChunk, err error) {
	q := query("offset", strconv.FormatInt(offset, 10), "wait", strconv.Itoa(int(wait.Seconds())))
	resp, err := c.get(ctx, "/runs/"+url.PathEscape(run)+"/log", q)
	if err != nil {
		return part, err
	}
	defer resp.Body.Close()
	part.Offset = offset
	if part.Data, err = io.ReadAll(resp.Body); err != nil {
		return part, err
	}
	if part.Next, err = strconv.ParseInt(resp.Header.Get(api.LogNext), 10, 64); err != nil {
		return part, fmt.Errorf("the answer to %s lacks %s", http.MethodGet, api.LogNext)
	}
	return part, nil
}
