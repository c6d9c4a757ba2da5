package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// retention is how long ended workflows stay readable in Temporal; the catalog
// keeps the record of runs for longer.
const retention = 90 * 24 * time.Hour

// searchAttributes are what the Temporal UI can filter backups by.
var searchAttributes = []string{"PlanbHost", "PlanbGroup", "PlanbState"}

// ensureNamespace waits for the server and makes sure that PlanB's namespace is
// there, usable, with its search attributes. wait is the waiting of the
// server's process.
func ensureNamespace(ctx context.Context, addr string, wait func(context.Context, func(context.Context) error) error) error {
	c, err := client.NewLazyClient(client.Options{
		HostPort: addr, Namespace: Namespace,
		// The waiting below asks many times; its refusals are no news.
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	once := func(f func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return f(ctx)
		}
	}
	steps := []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
				Namespace: Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
				Description: "Backups: one workflow per run",
			})
			var exists *serviceerror.NamespaceAlreadyExists
			if errors.As(err, &exists) {
				return nil
			}
			return err
		},
		func(ctx context.Context) error { return addSearchAttributes(ctx, c) },
		// Usable is more than made: the server's caches take a moment.
		func(ctx context.Context) error {
			for _, name := range searchAttributes {
				_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
					Namespace: Namespace, Query: fmt.Sprintf("%s = 'none'", name),
				})
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for _, step := range steps {
		if err := wait(ctx, once(step)); err != nil {
			return err
		}
	}
	return nil
}

func addSearchAttributes(ctx context.Context, c client.Client) error {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: Namespace})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, name := range searchAttributes {
		if _, ok := have.GetCustomAttributes()[name]; !ok {
			missing[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: Namespace, SearchAttributes: missing,
	})
	return err
}

// answers is nil when url gives any answer that is not a server's error.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}
