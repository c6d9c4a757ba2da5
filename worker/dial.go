package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"planb/internal/config"
)

// dialTimeout bounds one attempt to reach Temporal.
const dialTimeout = 5 * time.Second

// Dial connects to Temporal: by its own standard settings (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_PROFILE, …), and by cfg for what they leave out.
// A server that does not answer is one sentence that says where it was looked
// for.
func Dial(ctx context.Context, cfg *config.Config, log *slog.Logger, with ...Option) (client.Client, error) {
	options, err := clientOptions(cfg, with...)
	if err != nil {
		return nil, err
	}
	options.Logger = newSDKLogger(log)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("Temporal does not answer at %s: start it or set TEMPORAL_ADDRESS (%s)", address(options), cause(err))
	}
	return c, nil
}

// DialLazily gives a client that connects when it is first used, and until then
// does not ask whether Temporal is there: for pages, most of which need it not.
func DialLazily(cfg *config.Config, log *slog.Logger) (client.Client, error) {
	options, err := clientOptions(cfg)
	if err != nil {
		return nil, err
	}
	options.Logger = newSDKLogger(log)
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to Temporal at %s: %w", address(options), err)
	}
	return c, nil
}

// DialPatiently dials until Temporal answers or ctx ends, for processes that
// are started together with it.
func DialPatiently(ctx context.Context, cfg *config.Config, log *slog.Logger, with ...Option) (client.Client, error) {
	wait := time.Second
	for {
		c, err := Dial(ctx, cfg, log, with...)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		log.Warn("waiting for Temporal", "error", err, "next_try", wait)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 30*time.Second)
	}
}

// Option changes how a client is made.
type Option func(*client.Options)

// WithMetrics has the client, and the workers that it is given to, tell their
// metrics to m.
func WithMetrics(m *SDKMetrics) Option {
	return func(o *client.Options) { o.MetricsHandler = m.Handler() }
}

func clientOptions(cfg *config.Config, with ...Option) (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{})
	if err != nil {
		return options, fmt.Errorf("reading the settings of Temporal: %w", err)
	}
	if cfg.Temporal.Address != "" && os.Getenv("TEMPORAL_ADDRESS") == "" {
		options.HostPort = cfg.Temporal.Address
	}
	if cfg.Temporal.Namespace != "" && os.Getenv("TEMPORAL_NAMESPACE") == "" {
		options.Namespace = cfg.Temporal.Namespace
	}
	options.Identity = "planb@" + cfg.Server
	for _, change := range with {
		change(&options)
	}
	return options, nil
}

// Namespace is the namespace of Temporal that PlanB works in.
func Namespace(cfg *config.Config) string {
	options, err := clientOptions(cfg)
	if err != nil || options.Namespace == "" {
		return client.DefaultNamespace
	}
	return options.Namespace
}

func address(o client.Options) string {
	if o.HostPort == "" {
		return client.DefaultHostPort
	}
	return o.HostPort
}

// cause is the shortest part of a connection error that still tells.
func cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + dialTimeout.String()
	}
	return err.Error()
}
