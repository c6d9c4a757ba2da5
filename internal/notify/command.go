package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"planb/internal/command"
	"planb/internal/config"
)

const (
	// commandTime bounds one run of a command.
	commandTime = 30 * time.Second
	// commandRefuses is the exit status that says that a second try would end the
	// same: EX_DATAERR of sysexits.h.
	commandRefuses = 65
)

// program runs a command of the configuration for each notice.
type program struct {
	argv []string
	time time.Duration
}

var commandType = channelType{create: newProgram, settings: []string{"command"}}

func newProgram(c config.Channel) (Channel, error) {
	if len(c.Command) == 0 || !filepath.IsAbs(c.Command[0]) {
		return nil, errors.New("command must be a list of a program with its whole path and its arguments, as [/usr/local/bin/tell, ops]")
	}
	return &program{c.Command, commandTime}, nil
}

// Recipients implements Channel.
func (*program) Recipients([]string) []string { return []string{""} }

// Send implements Channel.
func (p *program) Send(ctx context.Context, _ string, n Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("writing a notice: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.time, fmt.Errorf("it took longer than %s", p.time))
	defer cancel()
	err = command.Run(ctx, command.Cmd{
		Argv: p.argv, Dir: "/", OnlyEnv: true, Env: environment(n), Stdin: bytes.NewReader(body), Grace: time.Second, EndGroup: true,
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%s: %w", p.argv[0], context.Cause(ctx))
	}
	var e *command.Error
	if errors.As(err, &e) && e.Code == commandRefuses {
		return &RefusedError{err}
	}
	return err
}

// environment is all that a command sees of it: PlanB's own may have secrets.
func environment(n Notice) []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	return []string{
		"PATH=" + path,
		"PLANB_NOTICE_KEY=" + visible(n.Key), "PLANB_NOTICE_KIND=" + string(n.Kind), "PLANB_NOTICE_SEVERITY=" + string(n.Severity),
		"PLANB_NOTICE_HOST=" + visible(n.Host), "PLANB_NOTICE_GROUP=" + visible(n.Group), "PLANB_NOTICE_TITLE=" + visible(n.Title),
	}
}
