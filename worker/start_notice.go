package worker

import (
	"context"

	"go.temporal.io/sdk/client"

	"planb/workflows"
)

// StartNotice starts the delivery of a notice. Errors: *AlreadyRunningError.
func StartNotice(ctx context.Context, c client.Client, key string) error {
	what := "the delivery of notice " + key
	_, err := start(ctx, c, asked{
		id: workflows.NoticeID(key), name: workflows.DeliverNoticeName, what: what, summary: what, in: workflows.NoticeInput{Key: key},
	})
	return err
}
