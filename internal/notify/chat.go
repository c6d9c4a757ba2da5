package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"

	"planb/internal/config"
)

// chat tells through a service that shoutrrr knows. Its address has the secrets, so
// no error may quote what shoutrrr says of it.
type chat struct {
	service string
	sender  *router.ServiceRouter
}

var chatType = channelType{create: newChat, settings: []string{"url", "url_file"}}

func newChat(c config.Channel) (Channel, error) {
	service, _, found := strings.Cut(c.URL, "://")
	sender, err := shoutrrr.CreateSender(c.URL)
	if err != nil || !found {
		return nil, errors.New("url is none that shoutrrr takes, as slack://… or ntfy://…: see its documentation at https://shoutrrr.nickfedor.com")
	}
	return &chat{service, sender}, nil
}

// Recipients implements Channel.
func (*chat) Recipients([]string) []string { return []string{""} }

// Send implements Channel. The sender bounds its own time.
func (c *chat) Send(_ context.Context, _ string, n Notice) error {
	m, err := messageOf(n)
	if err != nil {
		return err
	}
	err = errors.Join(c.sender.Send(m.text, nil)...)
	if err == nil {
		return nil
	}
	service, _, _ := strings.Cut(c.service, "+")
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("the chat service %s does not answer: %w", service, u.Err)
	}
	return fmt.Errorf("the chat service %s did not take the message: see whether its url is right", service)
}
