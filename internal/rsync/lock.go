package rsync

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrLocked is a directory that a process of another run still holds.
var ErrLocked = errors.New("another rsync still holds it")

// TryLock takes the lock on a dataset's directory or gives ErrLocked at once.
//
// The lock belongs to the open file: every process that inherits the file
// holds it, so it stays for as long as any rsync of a run lives, even when the
// one who took it was killed. It is given up by closing the file, never by
// flock's unlock, which would take it from the children too.
func TryLock(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("lock %s: %w", dir, ErrLocked)
	}
	return nil, fmt.Errorf("lock %s: %w", dir, err)
}
