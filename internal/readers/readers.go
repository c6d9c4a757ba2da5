// Package readers finds the data service that has what somebody wants to read:
// the snapshots of a host, or the log of a run.
package readers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"planb/internal/catalog"
	"planb/internal/dataplane"
)

// Catalog is what this package asks of *catalog.Store.
type Catalog interface {
	HostByID(ctx context.Context, id string) (catalog.Host, error)
	Storages(ctx context.Context) ([]catalog.Storage, error)
}

// Readers gives clients of data services. Those of one server for one subject
// are the same, with connections that are used again.
type Readers struct {
	catalog Catalog
	key     string

	mu sync.Mutex
	// known are by address of the service and subject; mu guards them.
	known map[[2]string]*dataplane.Client
}

// mostKnown bounds the clients that are kept.
const mostKnown = 1000

// New makes Readers; key is data.key of the configuration, which signs what is
// asked.
func New(c Catalog, key string) *Readers {
	return &Readers{catalog: c, key: key, known: map[[2]string]*dataplane.Client{}}
}

// Of gives the data service of the storage server that owns h's dataset, for
// subject, who asks. Errors: *catalog.NotFoundError.
func (r *Readers) Of(ctx context.Context, h catalog.Host, subject string) (*dataplane.Client, error) {
	if h.Server == "" || !h.DatasetMade {
		return nil, &catalog.NotFoundError{Kind: "dataset", Name: "of " + h.Ident().String() + " yet", Hint: "back it up with `planb backup " + h.Ident().String() + " --wait`"}
	}
	storages, err := r.catalog.Storages(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range storages {
		if s.Server == h.Server && s.Dataset == h.Storage {
			return r.OfStorage(s, subject)
		}
	}
	return nil, &catalog.NotFoundError{Kind: "storage", Name: h.Storage + " of server " + h.Server, Hint: "start `planb worker` there"}
}

// OfStorage gives the data service of the server of a storage.
func (r *Readers) OfStorage(s catalog.Storage, subject string) (*dataplane.Client, error) {
	if s.DataURL == "" {
		return nil, &dataplane.Error{Kind: dataplane.ErrUnreachable, Message: "server " + s.Server + " has not said where its data service answers: start planb worker there"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := [2]string{s.DataURL, subject}
	if c := r.known[id]; c != nil {
		return c, nil
	}
	key, err := dataplane.NewKey([]byte(r.key))
	if err != nil {
		return nil, fmt.Errorf("reading from storage servers needs data.key or data.key_file: %w", err)
	}
	c, err := dataplane.NewClient(dataplane.ClientOptions{BaseURL: s.DataURL, Key: key, Subject: subject, Server: s.Server})
	if err != nil {
		return nil, err
	}
	if len(r.known) >= mostKnown {
		clear(r.known)
	}
	r.known[id] = c
	return c, nil
}

// OfLog gives the data service that has the log of a run: that of the host, or,
// for a host that is gone or has moved, the first that knows the run. Errors:
// *catalog.NotFoundError, or that of the server asked last.
func (r *Readers) OfLog(ctx context.Context, run catalog.Run, subject string) (*dataplane.Client, error) {
	if run.HostID != "" {
		h, err := r.catalog.HostByID(ctx, string(run.HostID))
		if err != nil && !catalog.IsNotFound(err) {
			return nil, err
		}
		if err == nil && h.DatasetMade {
			return r.Of(ctx, h, subject)
		}
	}
	storages, err := r.catalog.Storages(ctx)
	if err != nil {
		return nil, err
	}
	var failed error = &catalog.NotFoundError{Kind: "storage server", Name: "that could have the log of run " + run.ID}
	asked := map[string]bool{}
	for _, s := range storages {
		if asked[s.Server] {
			continue
		}
		asked[s.Server] = true
		client, err := r.OfStorage(s, subject)
		if err == nil {
			_, err = client.Log(ctx, run.ID, -1, 0)
		}
		if err == nil {
			return client, nil
		}
		// A server that does not answer tells more than one without the log.
		if failed == nil || !errors.Is(err, dataplane.ErrNotFound) || catalog.IsNotFound(failed) {
			failed = err
		}
	}
	return nil, failed
}

// Log gives a part of the log of a run, as dataplane.Client.Log does.
func (r *Readers) Log(ctx context.Context, run catalog.Run, subject string, offset int64, wait time.Duration) (dataplane.LogChunk, error) {
	client, err := r.OfLog(ctx, run, subject)
	if err != nil {
		return dataplane.LogChunk{}, err
	}
	return client.Log(ctx, run.ID, offset, wait)
}
