package policy

// Settings are what one level says: the system, a group or a host. A nil field
// is not set there and comes from the level above; an empty list or a zero is
// set. The JSON form is what the catalog stores, so fields are only ever added.
type Settings struct {
	// Every is the time from one backup to the next.
	Every *Interval `json:"every,omitempty"`
	// Window is when backups may start and run.
	Window *Window `json:"window,omitempty"`
	// Timezone is the name, as in "Europe/Amsterdam", of the zone in which
	// windows, schedules and the periods of retention are reckoned.
	Timezone *string `json:"timezone,omitempty"`
	// Keep is how many snapshots of each period are kept.
	Keep *Retention `json:"keep,omitempty"`
	// FloorCount is how many of the newest good snapshots are never removed.
	FloorCount *int `json:"floor_count,omitempty"`
	// FloorAge is the age below which no snapshot is removed; 0 is none.
	FloorAge *Interval `json:"floor_age,omitempty"`
	// Include lists the paths that are backed up, relative to /.
	Include *[]string `json:"include,omitempty"`
	// Exclude lists rsync patterns of what is left out of them.
	Exclude *[]string `json:"exclude,omitempty"`
	// Flags are extra options of rsync.
	Flags *[]string `json:"flags,omitempty"`
	// User is the login on the host.
	User *string `json:"user,omitempty"`
	// Port is the port of sshd, or of an rsync daemon.
	Port *int `json:"port,omitempty"`
	// Sudo runs the remote rsync through sudo.
	Sudo *bool `json:"sudo,omitempty"`
	// IONice runs the remote rsync in the idle class of disk access.
	IONice *bool `json:"ionice,omitempty"`
	// SSHKey is the file with the private key on the storage server; empty is
	// the server's default key.
	SSHKey *string `json:"ssh_key,omitempty"`
	// JumpHost is [USER@]HOST[:PORT] on the way to the host.
	JumpHost *string `json:"jump_host,omitempty"`
	// PasswordFile is a file on the storage server with the password that an
	// rsync daemon asks for; empty is none.
	PasswordFile *string `json:"password_file,omitempty"`
	// CheckFile is a path on the host without which no backup starts: the sign
	// that a file system is mounted, for example.
	CheckFile *string `json:"check_file,omitempty"`
	// Bandwidth limits the rate of transfers.
	Bandwidth *Bandwidth `json:"bandwidth,omitempty"`
	// StallAfter is how long a transfer may make no progress; 0 is for ever.
	StallAfter *Interval `json:"stall_after,omitempty"`
	// Tolerate lists patterns of paths whose failure to transfer is a warning.
	Tolerate *[]string `json:"tolerate,omitempty"`
	// GuardShrink is the loss, in percent of files or of bytes, above which a
	// snapshot is suspect; 0 is off, as for the next two.
	GuardShrink *int `json:"guard_shrink,omitempty"`
	// GuardChange is the share of files changed, in percent.
	GuardChange *int `json:"guard_change,omitempty"`
	// GuardDelete is the share of files deleted, in percent.
	GuardDelete *int `json:"guard_delete,omitempty"`
	// NagEvery is after how long a notice about a lasting problem is repeated;
	// 0 is never.
	NagEvery *Interval `json:"nag_every,omitempty"`
	// CatchUp is how late a start that was missed may still happen. Where no
	// level sets it, it follows from Every.
	CatchUp *Interval `json:"catch_up,omitempty"`
	// MaxWait is how long after the last good snapshot a run may still be put
	// off; then it fails. Where no level sets it, it is twice Every.
	MaxWait *Interval `json:"max_wait,omitempty"`
	// VerifyEvery is the time from one verification of the host's snapshots to
	// the next; 0 is never.
	VerifyEvery *Interval `json:"verify_every,omitempty"`
	// VerifySample is which files a verification restores and compares.
	VerifySample *Sample `json:"verify_sample,omitempty"`
	// Canaries are paths of files that every verification looks for: each has to
	// be in the snapshot, and equal.
	Canaries *[]string `json:"canaries,omitempty"`
}

// Defaults gives what holds where no level says anything. CatchUp and MaxWait
// are not in it, since they follow from Every.
func Defaults() Settings {
	return Settings{
		Every:        new(Day),
		Window:       new(Window{}),
		Timezone:     new("UTC"),
		Keep:         new(Retention{Daily: 16, Weekly: 4, Monthly: 12, Yearly: 2}),
		FloorCount:   new(3),
		FloorAge:     new(Interval(0)),
		Include:      new(defaultInclude()),
		Exclude:      new([]string{}),
		Flags:        new([]string{}),
		User:         new("remotebackup"),
		Port:         new(22),
		Sudo:         new(false),
		IONice:       new(false),
		SSHKey:       new(""),
		JumpHost:     new(""),
		PasswordFile: new(""),
		CheckFile:    new(""),
		Bandwidth:    new(Bandwidth{}),
		StallAfter:   new(30 * Minute),
		Tolerate:     new([]string{}),
		GuardShrink:  new(50),
		GuardChange:  new(50),
		GuardDelete:  new(50),
		NagEvery:     new(Day),
		VerifyEvery:  new(30 * Day),
		VerifySample: new(DefaultSample()),
		Canaries:     new([]string{}),
	}
}

// defaultInclude is the list that the first PlanB had.
func defaultInclude() []string {
	return []string{
		"root", "etc", "home", "data", "srv",
		"var/backups", "var/spool/cron", "var/www", "usr/local/bin",
		"var/lib/dpkg/status*", "var/lib/psdiff.db*", "var/log/auth*",
	}
}

// The bounds of Every.
const (
	MinEvery = 15 * Minute
	MaxEvery = 4 * Week
)

// DefaultCatchUp is how late a missed start may still happen when nothing else
// is said: five sixths of the interval, at least a quarter of an hour before
// the next start is due, and at least half of the interval. That is 20 hours
// of a day and 45 minutes of an hour.
func DefaultCatchUp(every Interval) Interval {
	return max(every/2, every-max(every/6, 15*Minute))
}

// DefaultMaxWait is how long after the last good snapshot a run may be put off
// when nothing else is said.
func DefaultMaxWait(every Interval) Interval { return 2 * every }

// Validate refuses settings that cannot be used, naming the first of them.
func (s Settings) Validate() error {
	for _, f := range table {
		if err := f.check(s); err != nil {
			return err
		}
	}
	return nil
}

// Merge gives s with every field that changes sets.
func (s Settings) Merge(changes Settings) Settings {
	for _, f := range table {
		f.merge(&s, changes)
	}
	return s
}

// Set sets one field from text. A list takes any number of values, everything
// else exactly one.
func (s *Settings) Set(name string, values ...string) error {
	f, err := find(name)
	if err != nil {
		return err
	}
	return f.set(s, values)
}

// Unset makes fields inherit again.
func (s *Settings) Unset(names ...string) error {
	for _, name := range names {
		f, err := find(name)
		if err != nil {
			return err
		}
		f.unset(s)
	}
	return nil
}

// IsZero tells whether nothing is set.
func (s Settings) IsZero() bool { return s == Settings{} }
