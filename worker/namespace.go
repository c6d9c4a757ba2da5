package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"planb/workflows"
)

// historyRetention is how long ended workflows stay readable in Temporal; the
// catalog keeps the record of runs for longer.
const historyRetention = 90 * 24 * time.Hour

// PrepareNamespace makes the namespace where it is missing, and its search
// attributes. A namespace that was just made takes the server some seconds to
// know everywhere: it is tried again until ctx ends.
func PrepareNamespace(ctx context.Context, c client.Client, namespace string, log *slog.Logger) error {
	for {
		err := makeNamespace(ctx, c, namespace)
		if err == nil {
			err = registerAttributes(ctx, c, namespace)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		log.Warn("waiting for Temporal's namespace", "namespace", namespace, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func makeNamespace(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if !errors.As(err, &missing) {
		return err
	}
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(historyRetention),
		Description: "Backups: one workflow per run",
	})
	var there *serviceerror.NamespaceAlreadyExists
	if err != nil && !errors.As(err, &there) {
		return fmt.Errorf("making the namespace %s: %w", namespace, err)
	}
	return nil
}

// registerAttributes makes the search attributes of runs known to the
// namespace; those that are there already stay as they are.
func registerAttributes(ctx context.Context, c client.Client, namespace string) error {
	wanted := map[string]enumspb.IndexedValueType{}
	for _, key := range attributes() {
		wanted[key] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		SearchAttributes: wanted, Namespace: namespace,
	})
	var there *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &there) {
		return fmt.Errorf("registering search attributes: %w", err)
	}
	return nil
}

func attributes() []string {
	return []string{workflows.AttributeHost.GetName(), workflows.AttributeGroup.GetName(), workflows.AttributeState.GetName()}
}

// MissingAttributes gives the search attributes of runs that the namespace does
// not know.
func MissingAttributes(ctx context.Context, c client.Client, namespace string) ([]string, error) {
	if _, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace}); err != nil {
		return nil, err
	}
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, fmt.Errorf("listing search attributes: %w", err)
	}
	var missing []string
	for _, key := range attributes() {
		if _, ok := known.GetCustomAttributes()[key]; !ok {
			missing = append(missing, key)
		}
	}
	return missing, nil
}
