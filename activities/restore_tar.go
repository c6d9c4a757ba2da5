package activities

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"planb/internal/rsync"
	"planb/internal/tarball"
	"planb/internal/tree"
)

// partOf names the file of an archive that is not whole yet: by its run, so that
// it is nobody else's.
func partOf(job restoreJob) string { return job.Tar + "." + job.Plan.Run + ".part" }

// restoreTar writes an archive of the files, whole or not at all. It begins anew
// with each try.
func (s *Storage) restoreTar(ctx context.Context, job restoreJob) (RestoreResult, error) {
	root, err := tree.OpenRoot(job.source)
	if err != nil {
		return RestoreResult{}, fmt.Errorf("opening the snapshot's files: %w", err)
	}
	defer root.Close()
	for _, p := range job.Paths {
		if err := findPath(root, p); err != nil {
			return RestoreResult{}, err
		}
	}
	if job.DryRun {
		return s.listTar(ctx, job, root)
	}
	if done := s.tarDone(job); done != nil {
		return *done, nil
	}
	there := permanent(ErrTypeRefused, job.Tar+" is there already", "give another name, or say --overwrite", nil)
	switch info, err := os.Lstat(job.Tar); {
	case err == nil && !job.Overwrite:
		return RestoreResult{}, there
	case err == nil && info.IsDir():
		return RestoreResult{}, permanent(ErrTypeRefused, job.Tar+" is a directory", "give the name of a file", nil)
	}
	part := partOf(job)
	f, err := openPart(part)
	if err != nil {
		return RestoreResult{}, err
	}
	defer f.Close()
	keep := false
	defer func() {
		if !keep {
			_ = os.Remove(part)
		}
	}()
	c := &tarCount{job: job, s: s}
	err = c.write(ctx, f, root)
	if err == nil {
		err = errors.Join(f.Sync(), s.keepTarDone(job, f, c.result()))
	}
	if err == nil {
		err = putInPlace(part, job.Tar, job.Overwrite)
	}
	if errors.Is(err, os.ErrExist) {
		return RestoreResult{}, there // it came while the archive was written
	}
	if err != nil {
		return RestoreResult{}, targetError(job.Tar, err)
	}
	keep = true
	if err := syncDir(filepath.Dir(job.Tar)); err != nil {
		return RestoreResult{}, targetError(job.Tar, err)
	}
	fmt.Fprintf(job.log, "%s end ok\n", s.stamp())
	return c.result(), nil
}

// putInPlace gives a file its name; what has that name is only replaced if
// overwrite says so, else the error wraps os.ErrExist.
func putInPlace(part, name string, overwrite bool) error {
	if overwrite {
		return os.Rename(part, name)
	}
	err := unix.Renameat2(unix.AT_FDCWD, part, unix.AT_FDCWD, name, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// The file system does not know how; a link is never put over another file.
	if err := os.Link(part, name); err != nil {
		return err
	}
	return os.Remove(part)
}

// finishedTar is an archive that is whole, by the file that it is in: a try that
// died before it could tell has perhaps put it in its place already.
type finishedTar struct {
	Inode  uint64        `json:"inode"`
	Result RestoreResult `json:"result"`
}

func (s *Storage) finishedTarFile(run string) string {
	return filepath.Join(s.restoreDir(run), "tar.json")
}

func (s *Storage) keepTarDone(job restoreJob, f *os.File, r RestoreResult) error {
	inode, err := inodeOf(f.Stat())
	if err != nil {
		return err
	}
	text, err := json.Marshal(finishedTar{inode, r})
	if err != nil {
		return err
	}
	return writeDurably(s.finishedTarFile(job.Plan.Run), text)
}

// tarDone gives the result of an earlier try whose archive is in its place.
func (s *Storage) tarDone(job restoreJob) *RestoreResult {
	text, err := os.ReadFile(s.finishedTarFile(job.Plan.Run))
	var done finishedTar
	if err != nil || json.Unmarshal(text, &done) != nil {
		return nil
	}
	if inode, err := inodeOf(os.Lstat(job.Tar)); err != nil || inode != done.Inode {
		return nil
	}
	return &done.Result
}

func inodeOf(info os.FileInfo, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("the file has no inode")
	}
	return st.Ino, nil
}

// findPath refuses a path that the snapshot does not have.
func findPath(root *tree.Dir, p string) error {
	d, _, _, err := root.Find(p)
	var known *tree.Error
	if errors.As(err, &known) {
		return permanent(ErrTypeRefused, err.Error(), "see planb ls", nil)
	}
	if err != nil {
		return err
	}
	return d.Close()
}

// openPart opens the file that becomes the archive, and sees to it that only one
// restore writes to it.
func openPart(part string) (*os.File, error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, permanent(ErrTypeRefused, "there is no "+filepath.Dir(part)+" at the storage server", "make it first, or mount what belongs there", nil)
	}
	if err != nil {
		return nil, targetError(part, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, later(ErrTypeLocked, "another restore writes to "+part, lockedAgain, err)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, targetError(part, err)
	}
	return f, nil
}

// tarCount follows the writing of an archive.
type tarCount struct {
	job      restoreJob
	s        *Storage
	progress Progress
	counts   rsync.RestoreCounts
	left     int
}

func (c *tarCount) write(ctx context.Context, f *os.File, root *tree.Dir) error {
	buf := bufio.NewWriterSize(f, 1<<20)
	z, err := tarball.Compress(buf, tarball.FormatOf(c.job.Tar))
	if err != nil {
		return err
	}
	err = tarball.Write(ctx, z, root, c.job.Paths, tarball.Options{Entry: c.entry, Read: c.read, Left: c.leave})
	return errors.Join(err, z.Close(), buf.Flush())
}

func (c *tarCount) entry(path string, m tree.Meta) {
	c.counts.New++
	c.counts.Total++
	if m.Type() == tree.TypeFile {
		c.counts.Files++
		c.counts.Bytes += m.Size
	}
	c.progress.Files, c.progress.Checked, c.progress.At = c.counts.Files, c.counts.Total, c.s.Now()
	c.progress.Path, _ = tree.Escape(path)
	c.job.progress(c.progress)
}

func (c *tarCount) read(n int64) {
	c.progress.Bytes += n
	c.progress.At = c.s.Now()
	c.job.progress(c.progress)
}

func (c *tarCount) leave(path, why string) {
	c.left++
	shown, _ := tree.Escape(path)
	fmt.Fprintf(c.job.log, "%s left out %s: %s\n", c.s.stamp(), shown, why)
}

func (c *tarCount) result() RestoreResult {
	out := RestoreResult{Restored: c.counts}
	out.State, out.FilesTotal, out.FilesCreated = string(rsync.OK), c.counts.Total, c.counts.New
	out.FilesTransferred, out.BytesTotal, out.BytesTransferred = c.counts.Files, c.counts.Bytes, c.counts.Bytes
	if c.left > 0 {
		out.Warnings = c.left
	}
	return out
}

// listTar is the dry run: it lists what the archive would hold.
func (s *Storage) listTar(ctx context.Context, job restoreJob, root *tree.Dir) (RestoreResult, error) {
	log := &changeLog{w: job.log, stamp: s.stamp, most: loggedDryRun}
	c := &tarCount{job: job, s: s}
	err := tarball.List(ctx, root, job.Paths, tarball.Options{Left: c.leave, Entry: func(path string, m tree.Meta) {
		log.change(rsync.Change{Action: rsync.ActionNew, Path: path, Size: m.Size, Dir: m.Type() == tree.TypeDir})
		c.entry(path, m)
	}})
	if err != nil {
		return RestoreResult{}, err
	}
	log.finish()
	out := c.result()
	out.Message = fmt.Sprintf("dry run, nothing was written: the archive would have %s", entries(c.counts.Total))
	return out, nil
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
