package operate

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
)

// unavailable makes an UnavailableError of what says that Temporal is away, and
// leaves other errors as they are.
func unavailable(done string, err error) error {
	var away *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	if errors.As(err, &away) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded) {
		return &UnavailableError{Done: done, Err: err}
	}
	return err
}
