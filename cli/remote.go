package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/tarball"
	"planb/web/api/client"
)

// reads is what commands read: from the catalog, or through the API of a server.
type reads interface {
	Effective(ctx context.Context, host ident.Host) (policy.Effective, error)
	Group(ctx context.Context, name string) (catalog.Group, error)
	GroupShown(ctx context.Context, name string) (catalog.GroupShown, error)
	Groups(ctx context.Context) ([]catalog.Group, error)
	Host(ctx context.Context, host ident.Host) (catalog.Host, error)
	HostShown(ctx context.Context, host ident.Host, now time.Time) (catalog.HostShown, error)
	Notices(ctx context.Context, q catalog.NoticeQuery) (catalog.NoticeList, error)
	Overview(ctx context.Context, f catalog.HostFilter, now time.Time) ([]catalog.HostOverview, error)
	Run(ctx context.Context, prefix string) (catalog.Run, error)
	Runs(ctx context.Context, f catalog.RunFilter) ([]catalog.Run, error)
	Snapshots(ctx context.Context, host ident.Host) ([]catalog.Snapshot, error)
	StorageRooms(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.StorageRoom, error)
	Verifications(ctx context.Context, f catalog.VerificationFilter) ([]catalog.Verification, error)
	SystemEffective(ctx context.Context) (policy.Effective, error)
}

// files is what commands read from the snapshots of a host.
type files interface {
	Archive(ctx context.Context, at dataplane.At, format tarball.Format, paths ...string) (io.ReadCloser, error)
	Diff(ctx context.Context, at dataplane.At, to string, limit int, each func(dataplane.ChangedPath) error) (dataplane.Answer, error)
	Find(ctx context.Context, at dataplane.At, q dataplane.FindQuery, each func(dataplane.FoundPath) error) (dataplane.Answer, error)
	History(ctx context.Context, at dataplane.At, each func(dataplane.PathVersion) error) (dataplane.Answer, error)
	List(ctx context.Context, at dataplane.At) iter.Seq2[dataplane.Entry, error]
	Stat(ctx context.Context, at dataplane.At) (dataplane.Entry, error)
}

// logs is what gives the log of a run.
type logs interface {
	Log(ctx context.Context, run string, offset int64, wait time.Duration) (dataplane.LogChunk, error)
}

// remoteFlags say through which server commands work.
func remoteFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "server", Usage: "work through the pages at `URL`, without the database; or $PLANB_SERVER_URL"},
		&ucli.StringFlag{Name: "token", Usage: "be whom the token `T` is for; others on this machine may see it: rather --token-file or $PLANB_TOKEN"},
		&ucli.StringFlag{Name: "token-file", Usage: "read the token from `FILE`"},
		&ucli.BoolFlag{Name: "insecure-http", Usage: "send the token unencrypted, to an http address that is not this machine's"},
	}
}

// overAPI are the commands that work through a server.
var overAPI = []string{
	"backup", "billing list", "diff", "find", "group add", "group edit", "group list", "group rename",
	"group rm", "group show", "history", "host accept", "host add", "host clone", "host disable", "host edit",
	"host enable", "host list", "host probe", "host reject", "host rename", "host rm", "host show", "ls", "notices",
	"policy edit", "policy show", "prune", "restore", "run cancel", "run log", "run show", "runs",
	"schedule check", "schedule list", "schedule pause", "schedule resume", "schedule sync", "snapshot hold",
	"snapshot release", "snapshot rm", "snapshots", "storage list", "verify",
	"token add", "token list", "token rm",
	"user add", "user disable", "user edit", "user enable", "user list", "user passwd", "user rm",
}

// locally refuses a command that needs the database where a server is named.
func (a *app) locally(c *ucli.Command, name string) {
	action := c.Action
	if action == nil || len(c.Subcommands) > 0 || slices.Contains(overAPI, name) {
		return
	}
	c.Action = func(c *ucli.Context) error {
		if a.serverURL(c) != "" {
			return usagef("planb %s does not work through --server: run it where the database is", name)
		}
		return action(c)
	}
}

// remote gives the client of the server that is named; nil where none is.
func (a *app) remote(c *ucli.Context) (*client.Client, error) {
	address := a.serverURL(c)
	if address == "" || a.client != nil {
		return a.client, nil
	}
	o := client.Options{URL: address, Token: c.String("token"), Plain: c.Bool("insecure-http")}
	if file := c.String("token-file"); file != "" {
		if o.Token != "" {
			return nil, usagef("--token and --token-file both give a token: leave one out")
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError(err)
		}
		o.Token = strings.TrimSpace(string(text))
	}
	if o.Token == "" {
		o.Token = a.env("PLANB_TOKEN")
	}
	var err error
	if a.client, err = client.New(o); err != nil {
		return nil, usageError(err)
	}
	return a.client, nil
}

// through has a server do something, and says whether one is named.
func (a *app) through(c *ucli.Context, do func(*client.Client) error) (named bool, err error) {
	server, err := a.remote(c)
	if err == nil && server != nil {
		err = do(server)
	}
	return server != nil || err != nil, err
}

// said tells what was done, unless err says that it was not.
func (a *app) said(err error, format string, args ...any) error {
	if err == nil {
		fmt.Fprintf(a.stdout, format+"\n", args...)
	}
	return err
}

func (a *app) serverURL(c *ucli.Context) string {
	return cmp.Or(c.String("server"), a.env("PLANB_SERVER_URL"))
}

func (a *app) env(name string) string {
	for _, kv := range slices.Backward(a.environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// reads opens what commands read from.
func (a *app) reads(c *ucli.Context) (context.Context, reads, error) {
	remote, err := a.remote(c)
	if err != nil {
		return nil, nil, err
	}
	if remote != nil {
		return c.Context, remote, nil
	}
	return a.catalog(c)
}

// remoteStatus is the exit status for what a server answered.
func remoteStatus(err error) (int, bool) {
	var told *client.Error
	if !errors.As(err, &told) {
		return 0, false
	}
	switch told.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return exitUsage, true
	case http.StatusNotFound:
		return exitNotFound, true
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict:
		return exitRefused, true
	}
	return exitFailed, true
}
