package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Options say what a stack is to be like.
type Options struct {
	// State is the directory that holds everything; it is made when missing.
	State string
	// Bin is where the programs of Temporal are; see BuildTemporal.
	Bin string
	// Ports to listen on; those that are 0 are found.
	Ports Ports
	// Program is the command line that runs planb, to which "--config FILE
	// serve" is added. Without one, PlanB itself is not part of the stack.
	Program []string
	// Out is told what happens; nil is nobody.
	Out io.Writer
}

// Ports are those of the stack's servers.
type Ports struct {
	Postgres, Temporal, TemporalUI, SSH, Web, Data int
}

// Stack is everything that PlanB needs, and PlanB.
type Stack struct {
	State    string
	Postgres *Postgres
	ZFS      *ZFS
	SSH      *SSHHost
	Temporal *Temporal
	UI       *TemporalUI

	mail    *mail
	planb   *planb
	program []string
	out     io.Writer
}

// New describes the stack of a state directory; nothing happens before Run.
func New(o Options) (*Stack, error) {
	state, err := StateDir(o.State)
	if err != nil {
		return nil, err
	}
	s := &Stack{State: state, program: o.Program, out: o.Out}
	if s.out == nil {
		s.out = io.Discard
	}
	s.Postgres = NewPostgres(state)
	s.ZFS = NewZFS(state)
	s.SSH = NewSSHHost(state, "sshd")
	s.Temporal = NewTemporal(state, o.Bin, s.Postgres)
	s.UI = NewTemporalUI(state, o.Bin, s.Temporal)
	s.mail, s.planb = newMail(s), newPlanb(s)
	s.Postgres.Port, s.SSH.Port = o.Ports.Postgres, o.Ports.SSH
	s.Temporal.Port, s.UI.Port = o.Ports.Temporal, o.Ports.TemporalUI
	s.planb.webPort, s.planb.dataPort = o.Ports.Web, o.Ports.Data
	return s, nil
}

// StateDir gives the one name of a state directory: absolute, without links,
// since pools and processes are known by it. It makes the directory.
func StateDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := ownDir(abs); err != nil {
		return "", fmt.Errorf("state directory: %w", err)
	}
	return filepath.EvalSymlinks(abs)
}

// ConfigFile is the planb.yaml that points planb at this stack.
func (s *Stack) ConfigFile() string { return filepath.Join(s.State, "planb.yaml") }

// Components are the stack's parts in the order in which they start.
func (s *Stack) Components() []Component {
	cs := []Component{s.Postgres, s.ZFS, s.SSH, s.Temporal, s.UI}
	if len(s.program) > 0 {
		cs = append(cs, s.mail, s.planb)
	}
	return cs
}

// start starts all parts, in order.
func (s *Stack) start(ctx context.Context) error {
	for _, c := range s.Components() {
		fmt.Fprintf(s.out, "starting %-12s", c.Name())
		began := time.Now()
		if err := c.Start(ctx); err != nil {
			fmt.Fprintln(s.out, " failed")
			return fmt.Errorf("%s does not start: %w", c.Name(), err)
		}
		fmt.Fprintf(s.out, " %s (%.1f s)\n", c.Address(), time.Since(began).Seconds())
	}
	return s.writeInfo()
}

// stop ends all parts in reverse order, and the machine's zfs-fuse when a stack
// started it and no pool is left. It goes on past what fails.
func (s *Stack) stop(ctx context.Context) error {
	var errs []error
	cs := s.Components()
	if len(s.program) == 0 {
		cs = append(cs, s.mail, s.planb) // which one with a program may have left
	}
	for i := len(cs) - 1; i >= 0; i-- {
		if err := cs[i].Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s does not stop: %w", cs[i].Name(), err))
		}
	}
	if _, err := StopZFSDaemon(ctx); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Info is what others need to know to use a stack.
type Info struct {
	Config          string          `json:"config"`
	DatabaseURL     string          `json:"database_url"`
	TemporalAddress string          `json:"temporal_address"`
	Namespace       string          `json:"temporal_namespace"`
	TemporalUIURL   string          `json:"temporal_ui_url"`
	WebURL          string          `json:"web_url"`
	WebUser         string          `json:"web_user"`
	WebPassword     string          `json:"web_password"`
	MailURL         string          `json:"mail_url"`
	Storage         string          `json:"storage"`
	SSHAddress      string          `json:"ssh_address"`
	SSHPort         int             `json:"ssh_port"`
	SSHUser         string          `json:"ssh_user"`
	SSHKey          string          `json:"ssh_key"`
	Components      []ComponentInfo `json:"components"`
}

// ComponentInfo is where one part is reached and what it says.
type ComponentInfo struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Log     string `json:"log"`
}

func infoFile(state string) string { return filepath.Join(state, "stack.json") }

func (s *Stack) writeInfo() error {
	info := Info{
		Config: s.ConfigFile(), DatabaseURL: s.Postgres.URL("planb"),
		TemporalAddress: s.Temporal.Address(), Namespace: Namespace, TemporalUIURL: s.UI.Address(),
		Storage:    s.ZFS.Storage(),
		SSHAddress: s.SSH.Addr, SSHPort: s.SSH.Port, SSHUser: s.SSH.User, SSHKey: s.SSH.Key(),
	}
	if len(s.program) > 0 {
		info.WebURL, info.WebUser, info.WebPassword = s.planb.Address(), WebUser, s.planb.secrets["web"]
		info.MailURL = s.mail.Address()
	}
	for _, c := range s.Components() {
		info.Components = append(info.Components, ComponentInfo{c.Name(), c.Address(), c.LogFile()})
	}
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(infoFile(s.State), append(b, '\n'), 0o600)
}

// ErrNone is a state directory that no stack was ever started in.
var ErrNone = errors.New("no stack was started here yet")

// ReadInfo gives what the stack of a state directory was like when it last
// started, running or not; ErrNone when there never was one.
func ReadInfo(state string) (Info, error) {
	var info Info
	b, err := os.ReadFile(infoFile(state))
	if errors.Is(err, os.ErrNotExist) {
		return info, fmt.Errorf("%s: %w", state, ErrNone)
	}
	if err != nil {
		return info, err
	}
	return info, json.Unmarshal(b, &info)
}
