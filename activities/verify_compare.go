package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"planb/internal/rsync"
	"planb/internal/sums"
	"planb/internal/tree"
	"planb/internal/verify"
)

// batch restores files together, compares them, and removes them.
func (v *verification) batch(ctx context.Context, files []chosen) error {
	files = v.there(files)
	if len(files) == 0 {
		return nil
	}
	v.doing("restoring")
	if err := v.restore(ctx, files); err != nil {
		return err
	}
	v.doing("comparing with the snapshot")
	kept, err := v.compareSnapshot(ctx, files)
	if err != nil {
		return err
	}
	v.doing("comparing with the host")
	live, err := v.compareHost(ctx, files)
	if err != nil {
		return err
	}
	v.doing("comparing checksums")
	for _, f := range files {
		o := verify.Observed{Shown: f.shown(), Size: f.Size, Canary: f.canary, Snapshot: kept[f.Path], Live: live[f.Path]}
		if o.Sum, err = v.compareSum(ctx, f); err != nil {
			return err
		}
		v.found(f, o)
	}
	v.doing("")
	return v.scratch.clear()
}

// there leaves out what the snapshot does not have, though its index says so, and
// counts it as found wrong: the index was written from the snapshot, when both
// were new, and nothing may leave a snapshot since.
func (v *verification) there(files []chosen) (kept []chosen) {
	root, err := tree.OpenRoot(v.source)
	if err != nil {
		return files // restoring them tells
	}
	defer root.Close()
	for _, f := range files {
		if _, _, _, err := root.Find(f.Path); err == nil || !errors.Is(err, tree.ErrNotFound) {
			kept = append(kept, f)
			continue
		}
		v.found(f, verify.Observed{Shown: f.shown(), Canary: f.canary, Lost: true})
	}
	return kept
}

func paths(files []chosen) []string {
	list := make([]string, len(files))
	for i, f := range files {
		list[i] = f.Path
	}
	return list
}

// restore brings files back, as planb restore does. Files that cannot be read
// are missing then, and that is what is found.
func (v *verification) restore(ctx context.Context, files []chosen) error {
	began := time.Now()
	fake := !v.s.Root && v.can.Xattrs
	report, err := rsync.RunRestore(ctx, rsync.Restore{
		Source: v.source, Paths: paths(files), Dest: v.scratch.files(), WorkDir: v.scratch.work() + "/restore",
		FakeSuper: fake, KeepFake: fake, Overwrite: true,
		ACLs: v.can.ACLs && v.scratch.acls, Xattrs: v.can.Xattrs && v.scratch.xattrs,
	}, rsync.RunOptions{Log: withoutFiles{v.log}, OnProgress: func(p rsync.Progress) {
		p.Bytes, p.Files = p.Bytes+v.tally.Bytes, p.Files+v.tally.Files
		v.progress.Store(&p)
	}})
	v.RestoreSeconds += time.Since(began).Seconds()
	switch {
	case err != nil:
		return fmt.Errorf("restoring: %w", err)
	case report.Type == rsync.TypeNoSpace:
		return permanent(ErrTypeNoSpace, "there is no room to restore a sample in "+v.s.scratchDir(),
			"make room there, set verify.scratch in planb.yaml, or take a smaller --verify-sample", nil)
	case report.State == rsync.Failed:
		return permanent(ErrTypeVerify, "the sample could not be restored: "+report.Message, report.Remedy, nil)
	}
	return nil
}

// withoutFiles is a run's log without a line for each file that is restored: all
// of them are removed again, and of a whole host they would be millions.
type withoutFiles struct{ io.Writer }

// Write takes one line.
func (w withoutFiles) Write(line []byte) (int, error) {
	if f := bytes.SplitN(line, []byte{' '}, 3); len(f) == 3 && string(f[1]) == "changed" {
		return len(line), nil
	}
	return w.Writer.Write(line)
}

// differences runs one comparison.
func (v *verification) differences(ctx context.Context, c rsync.Compare) (rsync.Result, map[string]*rsync.Difference, error) {
	found := map[string]*rsync.Difference{}
	res, err := rsync.RunCompare(ctx, c, rsync.RunOptions{
		Log: v.log, StallAfter: v.in.Plan.Policy.StallAfter.Value.Duration(),
	}, func(path string, d rsync.Difference) { found[path] = &d })
	return res, found, err
}

// compareSnapshot holds what was restored against the snapshot: content, owner,
// mode, times, ACLs and extended attributes.
func (v *verification) compareSnapshot(ctx context.Context, files []chosen) (map[string]*rsync.Difference, error) {
	pull := rsync.Pull{
		Dest: v.scratch.files(), WorkDir: v.scratch.work(), Super: v.s.Root || !v.can.Xattrs,
		ACLs: v.can.ACLs && v.scratch.acls, Xattrs: v.can.Xattrs && v.scratch.xattrs,
	}
	res, found, err := v.differences(ctx, rsync.Compare{Pull: pull, Local: v.source, Paths: paths(files)})
	switch {
	case err != nil:
		return nil, fmt.Errorf("comparing with the snapshot: %w", err)
	case res.State == rsync.Failed:
		return nil, fmt.Errorf("comparing with the snapshot: %s", res.Message)
	}
	return found, nil
}

// askHost finds out whether the host can be asked for its files now. It is
// asked no more than a backup would ask it.
func (v *verification) askHost(ctx context.Context) {
	p := v.in.Plan
	if p.Transport == TransportRsyncd {
		v.ask = true
		return
	}
	if len(p.HostKeys) == 0 {
		v.notAsked("no host key of it is pinned")
		return
	}
	res, err := v.s.probe(ctx, PreCheckInput{Plan: p})
	switch {
	case err != nil:
		v.notAsked(Message(err))
	case !res.Ready:
		v.notAsked(res.Reason)
	default:
		v.ask, v.HostNotAsked = true, ""
	}
}

func (v *verification) notAsked(why string) {
	v.ask, v.HostNotAsked = false, strings.TrimSpace(why)
	fmt.Fprintf(v.log, "%s the host is not asked for its files: %s\n", v.s.stamp(), v.HostNotAsked)
}

// compareHost holds what was restored against the host's own files. That it
// cannot be asked is no failure: the checksums are left.
func (v *verification) compareHost(ctx context.Context, files []chosen) (map[string]*rsync.Difference, error) {
	if !v.ask {
		return nil, nil
	}
	pull, err := v.pull()
	if err != nil {
		return nil, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	res, found, err := v.differences(ctx, rsync.Compare{Pull: pull, Paths: paths(files)})
	if err != nil {
		return nil, fmt.Errorf("comparing with the host: %w", err)
	}
	if res.State == rsync.Failed {
		v.notAsked(res.Message)
		return found, nil
	}
	return found, v.lookAgain(ctx, pull, found)
}

// lookAgain asks once more for files of which nothing but the content differs:
// one that was being written shows another time now.
func (v *verification) lookAgain(ctx context.Context, pull rsync.Pull, found map[string]*rsync.Difference) error {
	var again []string
	for path, d := range found {
		if d.Content && !d.Size && !d.Time {
			again = append(again, path)
		}
	}
	if len(again) == 0 {
		return nil
	}
	res, now, err := v.differences(ctx, rsync.Compare{Pull: pull, Paths: again})
	if err != nil {
		return fmt.Errorf("comparing with the host again: %w", err)
	}
	for _, path := range again {
		if res.State != rsync.Failed {
			found[path] = now[path]
		}
	}
	return nil
}

// compareSum holds a restored file against the checksum that the host's rsync
// computed when it sent the file.
func (v *verification) compareSum(ctx context.Context, f chosen) (verify.Sum, error) {
	check, err := sums.NewChecker(f.Sum)
	if err != nil {
		return verify.SumUnknown, nil
	}
	root, err := os.OpenRoot(v.scratch.files())
	if err != nil {
		return verify.SumUnknown, err
	}
	defer root.Close()
	file, err := root.Open(strings.TrimPrefix(f.Path, "/"))
	if err != nil {
		return verify.SumUnknown, nil // that it was not restored is found already
	}
	defer file.Close()
	if _, err := io.Copy(check, reader{ctx, file}); err != nil {
		return verify.SumUnknown, fmt.Errorf("reading a restored file: %w", err)
	}
	if check.Match() {
		return verify.SumEqual, nil
	}
	return verify.SumDiffers, nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(b)
}
