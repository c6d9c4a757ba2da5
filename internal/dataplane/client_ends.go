package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// unreachable is a call that got no answer.
func (c *Client) unreachable(err error) error {
	return &Error{Kind: ErrUnreachable, Err: err, Message: fmt.Sprintf(
		"the storage worker of server %s does not answer at %s: start planb worker there (%v)", c.o.Server, c.o.BaseURL, rootCause(err))}
}

// broken is an answer that began well and did not end so.
func (c *Client) broken(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Kind: ErrServer, Err: err, Message: fmt.Sprintf("the answer of the storage worker of server %s broke off: %v", c.o.Server, err)}
}

// rootCause drops the address that net/http and net repeat before the cause.
func rootCause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return err
}

// stream is the body of an answer whose broken end is an error of ours.
type stream struct {
	c       *Client
	resp    *http.Response
	trailer bool
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.resp.Body.Read(p)
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = s.c.broken(err)
	case !s.trailer:
	case s.resp.Trailer.Get(trailerError) != "":
		err = &Error{Kind: ErrServer, Message: "the archive is not whole: " + s.resp.Trailer.Get(trailerError)}
	case s.resp.Trailer.Get(trailerDone) == "":
		err = s.c.broken(io.ErrUnexpectedEOF)
	}
	return n, err
}

func (s *stream) Close() error { return s.resp.Body.Close() }
