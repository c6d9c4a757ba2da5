package mailcatch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Maildir is a directory of mails, one file each, as mail programs know it
// (https://cr.yp.to/proto/maildir.html).
type Maildir string

// make makes the directory, where it is missing.
func (d Maildir) make() error {
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(string(d), sub), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// deliver keeps a mail: it is there as a whole, or not at all.
func (d Maildir) deliver(from string, to []string, mail io.Reader, now time.Time) error {
	name := fmt.Sprintf("%d.%s.planb", now.UnixMicro(), strings.ToLower(rand.Text()))
	tmp := filepath.Join(string(d), "tmp", name)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "Return-Path: <%s>\r\nDelivered-To: %s\r\n", oneLine(from), oneLine(strings.Join(to, ", ")))
	if err == nil {
		_, err = io.Copy(f, mail)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, filepath.Join(string(d), "new", name))
}

func oneLine(text string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(text) }

// Names gives the mails, the newest first.
func (d Maildir) Names() ([]string, error) {
	var names []string
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(string(d), sub))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// Open gives a mail by its name.
func (d Maildir) Open(name string) (*os.File, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(filepath.Join("new", name))
	if errors.Is(err, os.ErrNotExist) {
		f, err = root.Open(filepath.Join("cur", name))
	}
	return f, err
}
