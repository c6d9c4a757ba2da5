package activities

import (
	"context"
	"fmt"

	"planb/internal/sshx"
)

// ProbeReport is what a look at a host found. Nothing was changed by it.
type ProbeReport struct {
	// Ready says that a backup could start now; else Problem says why not, and
	// Remedy what to do.
	Ready     bool   `json:"ready"`
	Problem   string `json:"problem,omitempty"`
	Remedy    string `json:"remedy,omitempty"`
	Reachable bool   `json:"reachable"`
	// Restricted says that the key may run nothing but backups: the rest of the
	// report is unknown, and Warning says what follows.
	Restricted bool   `json:"restricted,omitempty"`
	Warning    string `json:"warning,omitempty"`
	// HostKeys are those that the host is known by: pinned, or, with
	// KeysLearned, seen for the first time and not pinned yet.
	HostKeys    []string `json:"host_keys,omitempty"`
	KeysLearned bool     `json:"keys_learned,omitempty"`
	// JumpHostKeys are those of a jump host that was seen for the first time.
	JumpHostKeys []string `json:"jump_host_keys,omitempty"`
	// Rsync is the version there; empty when there is none.
	Rsync  string `json:"rsync,omitempty"`
	ACLs   bool   `json:"acls"`
	Xattrs bool   `json:"xattrs"`
	Sudo   bool   `json:"sudo"`
	IONice bool   `json:"ionice"`
	// DoNotRun are the reasons for which the host asks to be left alone.
	DoNotRun []string `json:"do_not_run,omitempty"`
	// CheckFile is the file that has to be there; CheckFileThere says that it is.
	CheckFile      string `json:"check_file,omitempty"`
	CheckFileThere bool   `json:"check_file_there,omitempty"`
}

// Probe looks at a host over the same way that a backup takes.
func (s *Storage) Probe(ctx context.Context, p Plan) (ProbeReport, error) {
	if p.Transport == TransportRsyncd {
		return ProbeReport{}, permanent(ErrTypeRefused,
			p.Host.String()+" is reached through its rsync daemon, which answers no questions", "back it up to see whether it works", nil)
	}
	session, err := s.session(p)
	if err != nil {
		return ProbeReport{}, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	report, err := sshx.Probe(ctx, session, probeSpec(p))
	if err != nil {
		check, err := unreachable(err)
		if err == nil {
			return ProbeReport{Problem: check.Reason}, nil
		}
		if ErrType(err) == "" {
			return ProbeReport{}, err
		}
		return ProbeReport{Reachable: true, Problem: Message(err), Remedy: Remedy(err)}, nil
	}
	out := ProbeReport{
		Ready: true, Reachable: true, Restricted: report.Restricted,
		HostKeys: p.HostKeys, Rsync: report.Rsync, ACLs: report.ACLs, Xattrs: report.Xattrs,
		Sudo: report.Sudo, IONice: report.IONice,
		CheckFile: p.Policy.CheckFile.Value, CheckFileThere: report.CheckFile,
	}
	for _, h := range report.Holds {
		out.DoNotRun = append(out.DoNotRun, h.Name+": "+h.Reason)
	}
	if err := s.learned(session, p, &out); err != nil {
		return out, err
	}
	if report.Restricted {
		out.Warning = unasked(p)
	} else {
		out.judge(p, report)
	}
	return out, nil
}

// learned adds the keys that were seen for the first time.
func (s *Storage) learned(session *sshx.Session, p Plan, out *ProbeReport) (err error) {
	if len(p.HostKeys) == 0 {
		if out.HostKeys, err = session.HostKeys(); err != nil {
			return fmt.Errorf("reading the host keys: %w", err)
		}
		out.KeysLearned = true
	}
	if p.Policy.JumpHost.Value != "" && len(p.JumpHostKeys) == 0 {
		if out.JumpHostKeys, err = session.JumpHostKeys(); err != nil {
			return fmt.Errorf("reading the keys of the jump host: %w", err)
		}
	}
	return nil
}

// judge says whether a backup could start, by the rules of the pre-check.
func (r *ProbeReport) judge(p Plan, report sshx.Report) {
	if err := unfit(p, report); err != nil {
		r.Ready, r.Problem, r.Remedy = false, Message(err), Remedy(err)
		return
	}
	if _, reason := askedToWait(PreCheckInput{Plan: p}, report); reason != "" {
		r.Ready, r.Problem = false, reason
	}
}
