package notify

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/config"
)

// pingAge is the age of a good snapshot from which on it is not told any more:
// who waits for it would take it for one of today.
const pingAge = 24 * time.Hour

// ping gets an address after each good snapshot. Whoever watches that address
// raises the alarm when nothing comes, so nothing else may ever get it.
type ping struct {
	url    string
	client *retryablehttp.Client
	now    func() time.Time
}

var pingType = channelType{create: newPing, settings: []string{"url", "url_file"}, good: true}

func newPing(c config.Channel) (Channel, error) {
	if c.Severity.Rank() > config.SeverityInfo.Rank() {
		return nil, errors.New("a ping tells of good snapshots, which are of the severity info: remove severity")
	}
	p := &ping{c.URL, newHTTPClient(), time.Now}
	if err := checkURL(p.address("group/host")); err != nil {
		return nil, err
	}
	return p, nil
}

// address is where the good snapshots of a host, group/name, are told.
func (p *ping) address(host string) string {
	group, name, _ := strings.Cut(host, "/")
	return strings.NewReplacer("{group}", escape(group), "{host}", escape(name)).Replace(p.url)
}

// escape makes s fit into a path and into a query.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Recipients implements Channel.
func (*ping) Recipients([]string) []string { return []string{""} }

// Send implements Channel.
func (p *ping) Send(ctx context.Context, _ string, n Notice) error {
	if n.Kind != Good {
		return &RefusedError{errors.New("a ping says that a host has a new good snapshot, and nothing else: back a host up to see it")}
	}
	if p.now().Sub(n.At) >= pingAge {
		return &RefusedError{errors.New("the good snapshot is a day old by now, and would be taken for a new one")}
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, p.address(n.Host), nil)
	if err != nil {
		return errors.New("the ping's url cannot be used")
	}
	return request(p.client, req)
}
