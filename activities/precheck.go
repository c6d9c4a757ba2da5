package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"planb/internal/sshx"
)

// PreCheckInput asks whether a host can be backed up now.
type PreCheckInput struct {
	Plan Plan `json:"plan"`
	// Now passes over what merely asks for patience: the window, do-not-run.
	Now bool `json:"now,omitempty"`
}

// PreCheckResult is the answer. What waiting cannot mend is an error instead.
type PreCheckResult struct {
	Ready bool `json:"ready"`
	// Cause is one of the Cause constants, Reason the same in a sentence.
	Cause  string `json:"cause,omitempty"`
	Reason string `json:"reason,omitempty"`
	// NotBefore is when asking again makes sense, where that is known.
	NotBefore *time.Time `json:"not_before,omitempty"`
	// LearnedKeys are the host's keys, seen for the first time.
	LearnedKeys     []string `json:"learned_keys,omitempty"`
	LearnedJumpKeys []string `json:"learned_jump_keys,omitempty"`
	// Rsync is the version at the host; ACLs and Xattrs what it can send.
	Rsync  string `json:"rsync,omitempty"`
	ACLs   bool   `json:"acls,omitempty"`
	Xattrs bool   `json:"xattrs,omitempty"`
	// Warning is what makes a warning of the run: the storage gets full, or the
	// file to check cannot be looked at.
	Warning string `json:"warning,omitempty"`
	// Notice is what is merely said.
	Notice string `json:"notice,omitempty"`
}

// Causes of being put off.
const (
	CauseUnreachable = "Unreachable"
	CauseDoNotRun    = "DoNotRun"
	CauseCheckFile   = "CheckFileMissing"
	CauseWindow      = "OutsideWindow"
	CauseNoRoom      = "NoRoom"
)

// PreCheck asks the host, over the same way that rsync will take, whether it
// can be backed up now, and the storage whether it has room.
func (s *Storage) PreCheck(ctx context.Context, in PreCheckInput) (PreCheckResult, error) {
	p := in.Plan
	if p.Trigger == TriggerSchedule && !in.Now {
		if opens, outside := s.outsideWindow(p); outside {
			reason := fmt.Sprintf("outside the window %s (%s)", p.Policy.Window.Value, p.Policy.Timezone.Value)
			return PreCheckResult{Cause: CauseWindow, Reason: reason, NotBefore: &opens}, nil
		}
	}
	room, err := s.room(ctx, p)
	if err != nil || room.full != "" {
		return PreCheckResult{Cause: CauseNoRoom, Reason: room.full}, err
	}
	if p.Transport == TransportRsyncd {
		// The daemon protocol has no room for questions.
		return PreCheckResult{Ready: true, Warning: room.low}, nil
	}
	res, err := s.probe(ctx, in)
	if room.low != "" && res.Warning != "" {
		res.Warning = room.low + "; " + res.Warning
	} else {
		res.Warning += room.low
	}
	return res, err
}

// outsideWindow says when the host's window opens, if it is closed now. A start
// by calendar can slip out of it while it waits for a free slot.
func (s *Storage) outsideWindow(p Plan) (opens time.Time, outside bool) {
	window, now := p.Policy.Window.Value, s.Now()
	zone, err := p.Policy.Location()
	if err != nil || window.Contains(now, zone) {
		return time.Time{}, false
	}
	return window.NextOpen(now, zone), true
}

// probe asks the host.
func (s *Storage) probe(ctx context.Context, in PreCheckInput) (res PreCheckResult, err error) {
	p := in.Plan
	session, err := s.session(p)
	if err != nil {
		return res, permanent(ErrTypeRefused, err.Error(), "", err)
	}
	report, err := sshx.Probe(ctx, session, probeSpec(p))
	if err != nil {
		return unreachable(err)
	}
	if len(p.HostKeys) == 0 {
		if res.LearnedKeys, err = session.HostKeys(); err != nil {
			return res, err
		}
	}
	if p.Policy.JumpHost.Value != "" && len(p.JumpHostKeys) == 0 {
		if res.LearnedJumpKeys, err = session.JumpHostKeys(); err != nil {
			return res, err
		}
	}
	res.Rsync, res.ACLs, res.Xattrs = report.Rsync, report.ACLs, report.Xattrs
	if report.Restricted {
		res.Ready, res.ACLs, res.Xattrs = true, true, true
		if res.Notice = unasked(p); p.Policy.CheckFile.Value != "" {
			res.Warning, res.Notice = res.Notice, ""
		}
		return res, nil
	}
	if err := unfit(p, report); err != nil {
		return res, err
	}
	res.Cause, res.Reason = askedToWait(in, report)
	res.Ready = res.Cause == ""
	return res, nil
}

// unasked says what is not known of a host whose key runs a command that is not
// planb-sender.
func unasked(p Plan) string {
	what := "whether it asks not to be backed up (" + sshx.DoNotRunDir + ")"
	if file := p.Policy.CheckFile.Value; file != "" {
		what = "whether the file to check, " + file + ", is there, nor " + what
	}
	return "the key of " + p.Host.String() + " is restricted to a command that answers no questions, so nobody knows " + what +
		": planb-sender as its command lets that be asked"
}

// probeSpec is what to look at on a host.
func probeSpec(p Plan) sshx.ProbeSpec {
	return sshx.ProbeSpec{CheckFile: p.Policy.CheckFile.Value, Sudo: p.Policy.Sudo.Value, IONice: p.Policy.IONice.Value}
}

// unreachable tells what waiting may mend from what it cannot.
func unreachable(err error) (PreCheckResult, error) {
	var bad *sshx.ConnectError
	if !errors.As(err, &bad) {
		return PreCheckResult{}, err
	}
	switch {
	case errors.Is(bad, sshx.ErrHostKeyChanged):
		return PreCheckResult{}, permanent(ErrTypeHostKey, bad.Message, "", nil)
	case errors.Is(bad, sshx.ErrAuthRefused):
		return PreCheckResult{}, permanent(ErrTypeAuth, bad.Message, "", nil)
	}
	return PreCheckResult{Cause: CauseUnreachable, Reason: bad.Message}, nil
}

// unfit finds what somebody has to change on the host first.
func unfit(p Plan, r sshx.Report) error {
	switch {
	case r.Noise != "":
		return permanent(ErrTypeRefused,
			fmt.Sprintf("the login shell of %s@%s prints %q, which rsync takes for its own data", p.Policy.User.Value, p.Host, r.Noise),
			"make its start-up files print nothing when there is no terminal", nil)
	case r.Rsync == "":
		return permanent(ErrTypeRefused, p.Host.String()+" has no rsync", "install rsync there", nil)
	case p.Policy.Sudo.Value && !r.Sudo:
		return permanent(ErrTypeRefused,
			fmt.Sprintf("%s may not run rsync with sudo: %s", p.Policy.User.Value, r.SudoMessage),
			"add the sudoers line of docs/hosts.md there, or edit the host with --sudo=false", nil)
	}
	return nil
}

// askedToWait finds what the host itself wants to be waited for.
func askedToWait(in PreCheckInput, r sshx.Report) (cause, reason string) {
	if r.HoldCount > 0 && !in.Now {
		var names []string
		for _, h := range r.Holds {
			names = append(names, strings.TrimSuffix(h.Name+": "+h.Reason, ": "))
		}
		return CauseDoNotRun, "the host asks not to be backed up now (" + sshx.DoNotRunDir + "): " + strings.Join(names, ", ")
	}
	if file := in.Plan.Policy.CheckFile.Value; file != "" && !r.CheckFile {
		return CauseCheckFile, "the file to check is not there: " + file
	}
	return "", ""
}
