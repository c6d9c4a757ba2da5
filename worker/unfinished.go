package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"planb/activities"
)

// unfinished notes on disk which tasks this process works on. One that is
// killed cannot tell Temporal, which would wait for the time-out of each step;
// the process after it finds the notes and does.
//
// A note is a file with the token of the task. Its lock says that the process
// which wrote it lives; no child inherits it.
type unfinished struct {
	interceptor.WorkerInterceptorBase
	dir string
	log *slog.Logger
}

// completer is the one call that is made; client.Client has it.
type completer interface {
	CompleteActivity(ctx context.Context, taskToken []byte, result any, err error) error
}

// takenUpAgain is how long after the start of a worker the steps begin anew
// that its killed predecessor left.
const takenUpAgain = time.Second

// InterceptActivity implements interceptor.WorkerInterceptor.
func (u *unfinished) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	n := &notedActivity{notes: u}
	n.Next = next
	return n
}

// notedActivity has a note for as long as it runs.
type notedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	notes *unfinished
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor. That no
// note can be written costs time after a kill, and so is no reason to fail.
func (n *notedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	note, err := n.notes.write(activity.GetInfo(ctx).TaskToken)
	if err != nil {
		n.notes.log.Warn("a task was not noted", "error", err)
		return n.Next.ExecuteActivity(ctx, in)
	}
	defer func() {
		_ = os.Remove(note.Name())
		_ = note.Close()
	}()
	return n.Next.ExecuteActivity(ctx, in)
}

// write notes a task; the lock is held until the file is closed.
func (u *unfinished) write(token []byte) (*os.File, error) {
	if err := os.MkdirAll(u.dir, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(token)
	f, err := os.OpenFile(filepath.Join(u.dir, hex.EncodeToString(sum[:16])), os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		_, err = f.Write(token)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// giveUp tells Temporal that the tasks noted by processes which are gone are
// to be done again. A task that Temporal has given up itself is none any more.
func (u *unfinished) giveUp(ctx context.Context, c completer) error {
	files, err := filepath.Glob(filepath.Join(u.dir, "*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		if err := u.giveUpOne(ctx, c, file); err != nil {
			errs = append(errs, fmt.Errorf("giving up a task of a worker that was killed: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (u *unfinished) giveUpOne(ctx context.Context, c completer, file string) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	token, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if len(token) > 0 {
		err = c.CompleteActivity(ctx, token, nil, temporal.NewApplicationErrorWithOptions(
			"the worker was killed in the middle of it", activities.ErrTypeShutdown,
			temporal.ApplicationErrorOptions{NextRetryDelay: takenUpAgain}))
		var gone *serviceerror.NotFound
		if err != nil && !errors.As(err, &gone) {
			return err
		}
		u.log.Info("a step that a killed worker left is done again")
	}
	return os.Remove(file)
}
