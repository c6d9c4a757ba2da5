package catalog

import (
	"context"

	"planb/internal/policy"
)

type boundKey struct{}

// WithoutServerFiles makes changes done with the returned context leave the
// settings alone that name files on the storage server: it is for those who may
// not manage everything.
func WithoutServerFiles(ctx context.Context) context.Context {
	return context.WithValue(ctx, boundKey{}, true)
}

// CheckServerFiles refuses a change of the settings that name files on the
// storage server by somebody who may not make it. Errors: *ForbiddenError.
func CheckServerFiles(ctx context.Context, before, after policy.Settings) error {
	if bound, _ := ctx.Value(boundKey{}).(bool); !bound {
		return nil
	}
	if name := policy.ServerFileChanged(before, after); name != "" {
		return &ForbiddenError{"the setting " + name + " names a file on the storage server: have an admin of all groups change it"}
	}
	return nil
}
