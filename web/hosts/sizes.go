package hosts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/tree"
	"planb/web/server"
)

// sizesView is what takes the room in the last good snapshot.
type sizesView struct {
	host catalog.Host
	snap string
	// path is what is looked into, escaped; total is all of it.
	path  string
	total dataplane.PathSize
	below []dataplane.PathSize
	// steps lead to path from the root.
	steps []step
	// missing says why there is nothing to show.
	missing string
}

type step struct{ label, href string }

const (
	// mostSizes is how many entries of a directory are listed.
	mostSizes = 200
	// sizePatience bounds asking a storage server.
	sizePatience = 20 * time.Second
)

func (p Page) sizes(w http.ResponseWriter, r *http.Request) error {
	h, err := p.found(r)
	if err != nil {
		return err
	}
	path := r.FormValue("path")
	if !strings.HasPrefix(path, "/") {
		path = "/"
	}
	v := p.readSizes(r.Context(), h, path, server.Who(r).Actor())
	if r.Header.Get("HX-Request") == "true" {
		return server.Render(w, r, http.StatusOK, sizesPart(v))
	}
	return server.Render(w, r, http.StatusOK, sizesPage(v))
}

func (p Page) readSizes(ctx context.Context, h catalog.Host, path, subject string) sizesView {
	v := sizesView{host: h, snap: h.LastGoodSnapshot, path: shown(path), steps: stepsTo(h, path)}
	if v.snap == "" {
		v.missing = "There is no good snapshot yet."
		return v
	}
	ctx, cancel := context.WithTimeout(ctx, sizePatience)
	defer cancel()
	client, err := p.Readers.Of(ctx, h, subject)
	if err == nil {
		at := dataplane.At{Dataset: h.Dataset, Snap: v.snap, Path: path}
		err = client.Sizes(ctx, at, 1, mostSizes+1, func(s dataplane.PathSize) error {
			if s.Depth == 0 {
				v.total = s
			} else if len(v.below) < mostSizes {
				v.below = append(v.below, s)
			}
			return nil
		})
	}
	switch {
	case err == nil:
	case errors.Is(err, dataplane.ErrNotFound):
		v.missing = "There is no such path in that snapshot, or it is not indexed yet: that follows each backup within minutes."
	case errors.Is(err, dataplane.ErrUnreachable), ctx.Err() != nil:
		v.missing = "The storage server does not answer now."
	default:
		v.missing, _ = server.Told(err)
		if v.missing == "" {
			p.Log.Warn("reading sizes", "host", h.Ident().String(), "error", err)
			v.missing = "The sizes cannot be read now."
		}
	}
	return v
}

func sizesHref(h catalog.Host, path string) string {
	return base(h.Ident()) + "/sizes?" + url.Values{"path": {path}}.Encode()
}

func stepsTo(h catalog.Host, path string) []step {
	list := []step{{"/", sizesHref(h, "/")}}
	at := ""
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part != "" {
			at += "/" + part
			list = append(list, step{shown(part), sizesHref(h, at)})
		}
	}
	return list
}

// share gives a part of the whole in thousandths.
func share(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return part * 1000 / whole
}

// shown escapes a path so that it can be read, whatever bytes it has.
func shown(path string) string {
	text, _ := tree.Escape(path)
	return text
}
