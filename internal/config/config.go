// Package config reads planb.yaml and the PLANB_* variables that override it.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"planb/internal/policy"
)

// DefaultPath is read when neither --config nor PLANB_CONFIG names a file.
const DefaultPath = "/etc/planb/planb.yaml"

// Config is everything that PlanB's own file can say. Each value can be
// overridden by the variable made of its path: data.key_file by
// PLANB_DATA_KEY_FILE.
type Config struct {
	// Server names this storage server; task queues carry the name. Default:
	// the machine's host name up to the first dot.
	Server string `yaml:"server"`
	// State is the directory for run logs, results that wait for Temporal,
	// known host keys. Default: /var/lib/planb.
	State    string   `yaml:"state"`
	Database Database `yaml:"database"`
	Temporal Temporal `yaml:"temporal"`
	// Storages are the parent datasets that this server's worker owns.
	Storages []Storage `yaml:"storages"`
	Limits   Limits    `yaml:"limits"`
	ZFS      ZFS       `yaml:"zfs"`
	SSH      SSH       `yaml:"ssh"`
	Restore  Restore   `yaml:"restore"`
	Data     Data      `yaml:"data"`
	Web      Web       `yaml:"web"`
	Verify   Verify    `yaml:"verify"`
	Metrics  Metrics   `yaml:"metrics"`
	Billing  Billing   `yaml:"billing"`
	Notify   Notify    `yaml:"notify"`
	Reports  Reports   `yaml:"reports"`
}

// Database says where the catalog is; storage workers do not need it.
type Database struct {
	// URL is a PostgreSQL connection URL or keyword string.
	URL string `yaml:"url"`
}

// Temporal overrides what TEMPORAL_* and Temporal's own profile file leave out.
type Temporal struct {
	Address   string `yaml:"address"`
	Namespace string `yaml:"namespace"`
}

// Storage is one parent dataset.
type Storage struct {
	Dataset string `yaml:"dataset"`
}

// Limits bounds what the storage worker does at once.
type Limits struct {
	// Pulls is how many rsync transfers may run at the same time. Default 4.
	Pulls int `yaml:"pulls"`
	// PerAddress is how many of them may be of hosts that share an address or a
	// jump host. Default 2.
	PerAddress int `yaml:"per_address"`
	// Storage is how many other dataset tasks may. Default 16.
	Storage int `yaml:"storage"`
	// Stop is how long a stopping worker lets its tasks end. Default 30s.
	Stop time.Duration `yaml:"stop"`
	// Grace is how long the data of a removed host is kept, e.g. 30d (the
	// default) or 12w.
	Grace policy.Interval `yaml:"grace"`
	// FreeWarn and FreeStop are shares of a storage in percent. With less than
	// FreeWarn free, backups end with a warning; default 10. With less than
	// FreeStop free, they are put off; default 2.
	FreeWarn int `yaml:"free_warn"`
	FreeStop int `yaml:"free_stop"`
}

// ZFS says how the zfs command is reached.
type ZFS struct {
	// Sudo puts "sudo -n" before zfs and zpool; for workers that are not root.
	Sudo bool `yaml:"sudo"`
}

// SSH holds what is common to all hosts.
type SSH struct {
	// Key is the private key for hosts that have none of their own. Default:
	// <state>/ssh/id_ed25519, made at the worker's first start.
	Key string `yaml:"key"`
}

// Restore says how this storage server pushes files to hosts.
type Restore struct {
	// Key is the private key for it, made by hand. Empty means that nothing is
	// pushed.
	Key string `yaml:"key"`
	// User logs in to the hosts; any but root, the default, runs rsync through
	// sudo there.
	User string `yaml:"user"`
}

// Data is the read-only data service of the storage worker.
type Data struct {
	// Listen is its address; anything but loopback needs a certificate.
	Listen string `yaml:"listen"`
	// URL is how others reach it; default: http(s)://<listen>.
	URL string `yaml:"url"`
	// Key (or the content of KeyFile) signs the tokens of its callers: the
	// same secret on control, web, CLI and storage servers.
	Key      string `yaml:"key"`
	KeyFile  string `yaml:"key_file"`
	CertFile string `yaml:"cert_file"`
	CertKey  string `yaml:"cert_key"`
}

// Web is the web server.
type Web struct {
	Listen string `yaml:"listen"`
	// URL is where people find the pages; with https, cookies are sent over
	// TLS only.
	URL string `yaml:"url"`
	// TrustedProxies are the proxies whose X-Forwarded-For is believed:
	// addresses and networks, separated by commas.
	TrustedProxies string `yaml:"trusted_proxies"`
	// User and Password make the first admin, where there is no user yet.
	User     string `yaml:"user"`
	Password string `yaml:"password"`
	// TemporalUI is the address of Temporal's own pages, for links.
	TemporalUI string `yaml:"temporal_ui"`
	// RestoreDir is the directory of storage servers below which those restore
	// from the pages who are no admin of all groups. Default: /srv/restored.
	RestoreDir string `yaml:"restore_dir"`
}

// Verify is about verifications on this storage server.
type Verify struct {
	// Scratch is a directory that files are restored to in order to compare them,
	// and that PlanB alone uses. Default: <state>/verify.
	Scratch string `yaml:"scratch"`
}

// Metrics says who may scrape what, see docs/monitoring.md.
type Metrics struct {
	// Control and Worker are where `planb control` and `planb worker` answer
	// scrapes, without asking who it is: host:port, or "off". Default:
	// 127.0.0.1:7490 and 127.0.0.1:7491.
	Control string `yaml:"control"`
	Worker  string `yaml:"worker"`
	// Allow are those who may scrape the web server's /metrics without a token:
	// addresses and networks, separated by commas. Default: nobody.
	Allow string `yaml:"allow"`
	// ZabbixFile is kept fresh by `planb control` for `planb blist --from`; empty
	// means that there is none.
	ZabbixFile string `yaml:"zabbix_file"`
}

// Load reads the file at path, or PLANB_CONFIG, or DefaultPath if it exists,
// then the PLANB_* variables of environ ("KEY=value"). Unknown keys in the
// file are errors. Errors name the file and the line.
func Load(path string, environ []string) (*Config, error) {
	env := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, envPrefix) {
			env[k] = v
		}
	}
	must := true
	if path == "" {
		path = env["PLANB_CONFIG"]
	}
	if path == "" {
		path, must = DefaultPath, false
	}
	c := &Config{}
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := decode(text, c); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	case must || !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if err := override(c, env); err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	return c, nil
}

func decode(text []byte, c *Config) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(c)
	if err != nil {
		return errors.New(yaml.FormatError(err, false, false))
	}
	return nil
}

// complete fills the defaults and refuses what cannot work.
func (c *Config) complete() error {
	if c.Server == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("finding this machine's name (set server: in the configuration): %w", err)
		}
		c.Server, _, _ = strings.Cut(name, ".")
	}
	setDefault(&c.State, "/var/lib/planb")
	state, err := filepath.Abs(c.State)
	if err != nil {
		return fmt.Errorf("state directory %s: %w", c.State, err)
	}
	c.State = state
	setDefault(&c.Verify.Scratch, filepath.Join(c.State, "verify"))
	if !filepath.IsAbs(c.Verify.Scratch) {
		return fmt.Errorf("verify.scratch is %q: give an absolute directory", c.Verify.Scratch)
	}
	setDefault(&c.SSH.Key, filepath.Join(c.State, "ssh", "id_ed25519"))
	setDefault(&c.Restore.User, "root")
	setDefault(&c.Data.Listen, "127.0.0.1:7480")
	setDefault(&c.Web.Listen, "127.0.0.1:7400")
	setDefault(&c.Metrics.Control, "127.0.0.1:7490")
	setDefault(&c.Metrics.Worker, "127.0.0.1:7491")
	setDefault(&c.Limits.Pulls, 4)
	setDefault(&c.Limits.PerAddress, 2)
	setDefault(&c.Limits.Storage, 16)
	setDefault(&c.Limits.Stop, 30*time.Second)
	setDefault(&c.Limits.Grace, 30*policy.Day)
	setDefault(&c.Limits.FreeWarn, 10)
	setDefault(&c.Limits.FreeStop, 2)
	if c.Data.Key == "" && c.Data.KeyFile != "" {
		key, err := os.ReadFile(c.Data.KeyFile)
		if err != nil {
			return fmt.Errorf("reading the key of the data service: %w", err)
		}
		c.Data.Key = strings.TrimSpace(string(key))
	}
	if c.Data.Key != "" && len(c.Data.Key) < MinDataKey {
		return fmt.Errorf("data.key has %d characters but needs at least %d: make one with `openssl rand -hex 32`", len(c.Data.Key), MinDataKey)
	}
	if c.Data.URL == "" {
		scheme := "http://"
		if c.Data.CertFile != "" {
			scheme = "https://"
		}
		c.Data.URL = scheme + c.Data.Listen
	}
	if err := c.Billing.complete(); err != nil {
		return err
	}
	if err := c.Notify.complete(); err != nil {
		return err
	}
	if err := c.Reports.complete(c.Notify); err != nil {
		return err
	}
	if c.Limits.Pulls < 1 || c.Limits.PerAddress < 1 || c.Limits.Storage < 1 {
		return errors.New("limits.pulls, limits.per_address and limits.storage must be 1 or more")
	}
	if f := c.Metrics.ZabbixFile; f != "" && !filepath.IsAbs(f) {
		return fmt.Errorf("metrics.zabbix_file is %q: give an absolute path", f)
	}
	if l := c.Limits; l.FreeStop < 1 || l.FreeWarn > 99 || l.FreeStop > l.FreeWarn {
		return errors.New("limits.free_stop and limits.free_warn must be percentages from 1 to 99, the first not above the second")
	}
	return nil
}

// MinDataKey is the least length of data.key in characters.
const MinDataKey = 32

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// RunsDir holds the log and the waiting result of each run on this server.
func (c *Config) RunsDir() string { return filepath.Join(c.State, "runs") }
