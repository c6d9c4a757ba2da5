package devstack

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHHost is this machine as a host to back up: an sshd of its own, with a host
// key and one authorized key made for it.
type SSHHost struct {
	*process
	dir string
	// Addr is the loopback address to listen on; default Loopback. Others of
	// 127.0.0.0/8 let one machine play several hosts.
	Addr string
	// Port is where it listens; set it before Start to choose one.
	Port int
	// Config holds more lines for its sshd_config.
	Config []string
	// User is who may sign in: the one who starts it.
	User string
}

// NewSSHHost describes the host called name of a state directory; its files are
// in <state>/<name>.
func NewSSHHost(state, name string) *SSHHost {
	return &SSHHost{process: newProcess(state, name, 0, 5*time.Second), dir: filepath.Join(state, name), Addr: Loopback}
}

// Address implements Component.
func (h *SSHHost) Address() string { return net.JoinHostPort(h.Addr, strconv.Itoa(h.Port)) }

// Key is the file with the private key that may sign in.
func (h *SSHHost) Key() string { return filepath.Join(h.dir, "client_ed25519") }

// HostKey is the host's public key as in authorized_keys ("ssh-ed25519 AAAA…").
func (h *SSHHost) HostKey() (string, error) {
	b, err := os.ReadFile(filepath.Join(h.dir, "host_ed25519.pub"))
	return strings.TrimSpace(string(b)), err
}

// NewHostKey throws the host's key away, as a new installation would; it counts
// from the next Start on.
func (h *SSHHost) NewHostKey() error {
	return os.Remove(filepath.Join(h.dir, "host_ed25519"))
}

// Start implements Component.
func (h *SSHHost) Start(ctx context.Context) error {
	sshd, err := findSSHD()
	if err != nil {
		return err
	}
	if err := h.Stop(ctx); err != nil {
		return err
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	h.User = me.Username
	if err := ownDir(h.dir); err != nil {
		return err
	}
	for _, name := range []string{"host_ed25519", "client_ed25519"} {
		if err := ensureKey(filepath.Join(h.dir, name), "planb-"+h.name); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	saved := loadPorts(h.dir)
	if h.Port, err = saved.pick("ssh", h.Addr, h.Port); err != nil {
		return err
	}
	if err := saved.save(); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		// sshd's privilege separation wants this empty directory; Debian's
		// service makes it, and here that service may never have run.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	conf := filepath.Join(h.dir, "sshd_config")
	if err := writeFile(conf, []byte(h.config()), 0o600); err != nil {
		return err
	}
	// sshd insists on an absolute path: it starts itself anew per connection.
	if err := h.start(ctx, []string{sshd, "-D", "-e", "-f", conf}, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return h.ready(ctx, h.greets)
}

func (h *SSHHost) config() string {
	q := strconv.Quote
	lines := append([]string{
		"ListenAddress " + h.Address(),
		"HostKey " + q(filepath.Join(h.dir, "host_ed25519")),
		"AuthorizedKeysFile " + q(filepath.Join(h.dir, "client_ed25519.pub")),
		"PidFile none",
		"AllowUsers " + h.User,
		"PermitRootLogin prohibit-password",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM no",
		// The state directory may be below one that others can write, like /tmp.
		"StrictModes no",
		"AllowTcpForwarding no", "X11Forwarding no", "PrintMotd no",
		"MaxStartups 200", "LogLevel VERBOSE",
	}, h.Config...)
	return strings.Join(lines, "\n") + "\n"
}

// greets is nil when sshd names its protocol.
func (h *SSHHost) greets(ctx context.Context) error {
	d := net.Dialer{Timeout: 2 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", h.Address())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	buf := make([]byte, 4)
	if _, err := conn.Read(buf); err != nil {
		return err
	}
	if string(buf) != "SSH-" {
		return fmt.Errorf("%s is not an ssh server", h.Address())
	}
	return nil
}

// ensureKey makes an ed25519 key pair in OpenSSH's format, file and file.pub,
// unless it is there.
func ensureKey(file, comment string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(priv, comment)
	if err != nil {
		return err
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return err
	}
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))) + " " + comment + "\n"
	if err := writeFile(file+".pub", []byte(public), 0o644); err != nil {
		return err
	}
	return writeFile(file, pem.EncodeToMemory(block), 0o600)
}

func findSSHD() (string, error) {
	for _, f := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"} {
		if _, err := os.Stat(f); err == nil {
			return f, nil
		}
	}
	if f, err := exec.LookPath("sshd"); err == nil {
		return filepath.Abs(f)
	}
	return "", errors.New("sshd is not installed: run scripts/install-deps.sh, or apt-get install openssh-server")
}
