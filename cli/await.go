package cli

import (
	"errors"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/worker"
)

// knownHost gives the host's record, and connects to Temporal.
func (a *app) knownHost(c *ucli.Context, host ident.Host) (catalog.Host, client.Client, error) {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return catalog.Host{}, nil, err
	}
	h, err := store.Host(ctx, host)
	if err != nil {
		return h, nil, err
	}
	tc, err := a.temporal(c)
	return h, tc, err
}

// await shows the progress of a workflow that was just started, reads its
// result into out (nil for none), and gives its error as one for people.
func (a *app) await(c *ucli.Context, host ident.Host, run client.WorkflowRun, startErr error, out any) error {
	var running *worker.AlreadyRunningError
	if errors.As(startErr, &running) {
		return refusedf("%w", startErr)
	}
	if startErr != nil {
		return startErr
	}
	if err := a.follow(c, startedRun{host: host, workflowID: run.GetID(), run: run.GetRunID()}); err != nil {
		return err
	}
	return workflowError(run.Get(c.Context, out))
}

// workflowError is the sentence of a workflow's error, with the exit status
// that it asks for.
func workflowError(err error) error {
	if err == nil {
		return nil
	}
	text := activities.Message(err)
	if remedy := activities.Remedy(err); remedy != "" {
		text += ": " + remedy
	}
	switch activities.ErrType(err) {
	case activities.ErrTypeNoSnapshot, activities.ErrTypeNoHost:
		return notFoundf("%s", text)
	case activities.ErrTypeRefused:
		return refusedf("%s", text)
	}
	return errors.New(strings.TrimSpace(text))
}
