package activities

import (
	"log/slog"
	"path/filepath"
	"time"

	"planb/internal/index"
	"planb/internal/sshx"
	"planb/internal/zfs"
)

// Storage holds the activities of a storage server, those of its datasets and
// those that transfer. It knows no database: all it needs comes in a Plan.
type Storage struct {
	ZFS *zfs.Client
	// Indexes say what the snapshots of the datasets hold; nil where that is not
	// kept.
	Indexes *index.Keeper
	// State is the server's state directory.
	State string
	// Parents are the datasets that this server's worker owns.
	Parents []string
	// DefaultKey is the ssh key for hosts that have none of their own.
	DefaultKey string
	// Push says how files are pushed to hosts.
	Push Push
	// PerAddress is how many transfers one address, or one jump host, bears at a
	// time.
	PerAddress int
	// Root says that the worker is root, and so keeps owners as they are.
	Root bool
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
	// FreeWarn and FreeStop are the percentages of a storage below which backups
	// warn, and are put off.
	FreeWarn, FreeStop int
	// Scratch is the directory that verifications restore to; nobody else uses it.
	// <State>/verify when empty.
	Scratch string
	// Version is that of the program, for evidence.
	Version string
	// Heartbeats is how often progress is reported; a second when 0.
	Heartbeats time.Duration

	pulls     limiter
	transfers transfers
}

// RunsDir holds what belongs to single runs: logs, and results that wait.
func (s *Storage) RunsDir() string { return filepath.Join(s.State, "runs") }

// LogFile is the log of one run.
func (s *Storage) LogFile(run string) string { return filepath.Join(s.RunsDir(), run+".log") }

// session writes down how the host of p is reached over ssh.
func (s *Storage) session(p Plan) (*sshx.Session, error) {
	key := p.Policy.SSHKey.Value
	if key == "" {
		key = s.DefaultKey
	}
	return sshx.Open(sshx.Target{
		Alias: p.Host.String(), Address: p.Address, Port: p.Policy.Port.Value, User: p.Policy.User.Value,
		KeyFile: key, HostKeys: p.HostKeys,
		JumpHost: p.Policy.JumpHost.Value, JumpHostKeys: p.JumpHostKeys,
	}, s.hostDir(p))
}

// hostDir holds what the way to one host needs: known host keys, filter rules.
func (s *Storage) hostDir(p Plan) string { return filepath.Join(s.State, "hosts", p.HostID) }

// Transports of a host.
const (
	TransportSSH    = "ssh"
	TransportRsyncd = "rsyncd"
)
