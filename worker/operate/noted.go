package operate

import (
	"context"
)

// noted does something in Temporal that the catalog would not know of: that it
// is about to be done is on record before, and what came of it, the run or the
// error, is added. Errors: those of the catalog, when nothing is done, and of do.
func (o Operator) noted(ctx context.Context, action, subject string, detail map[string]any, do func() (run string, err error)) (run string, err error) {
	came, err := o.Catalog.NoteIntent(ctx, action, subject, detail)
	if err != nil {
		return "", err
	}
	run, err = do()
	of := map[string]any{"run": run}
	if err != nil {
		of = map[string]any{"error": err.Error()}
	}
	// Also for somebody who does not wait any longer. It is done by now: a record
	// without its end does not make it undone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = came(ctx, of)
	return run, err
}
