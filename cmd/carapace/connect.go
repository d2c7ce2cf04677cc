package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"os"
	"runtime"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// unreachableError says that no gateway answered.
type unreachableError struct{ error }

const dialTimeout = 10 * time.Second

// dial connects to the gateway that the flags, the environment or the state directory name.
func (o *options) dial(ctx context.Context) (*client.Client, error) {
	url, err := o.gatewayURL()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{
		URL:      url,
		Token:    o.gatewayToken(),
		Password: o.gatewayPassword(),
		Identity: o.path("cli-device.json"),
		Client:   wire.Client{ID: "cli", DisplayName: "carapace", Version: version, Platform: runtime.GOOS, Mode: "cli"},
		Role:     wire.RoleOperator,
		Scopes:   []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing},
		Caps:     []string{"tool-events"},
	})
	if code := wit.CodeOf(err); code == wit.CodeUnavailable || errors.Is(err, context.DeadlineExceeded) {
		return nil, unreachableError{fmt.Errorf("no gateway answers at %s; start it with `carapace`", url)}
	}
	return c, err
}

func (o *options) gatewayURL() (string, error) {
	if o.url != "" {
		return strings.Replace(strings.Replace(o.url, "http://", "ws://", 1), "https://", "wss://", 1), nil
	}
	b, err := os.ReadFile(o.path(kernel.EndpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", unreachableError{fmt.Errorf("no gateway runs on %s; start one with `carapace`, or name another with --url", o.stateDir)}
	}
	var at kernel.Endpoint
	if err == nil {
		err = json.Unmarshal(b, &at)
	}
	if err != nil {
		return "", fmt.Errorf("read where the gateway listens: %w", err)
	}
	return at.URL, nil
}

// gatewayToken is the flag's, the environment's, the config file's or the one in the state directory.
func (o *options) gatewayToken() string {
	if t := o.token; t != "" {
		return t
	}
	if t := os.Getenv("CARAPACE_GATEWAY_TOKEN"); t != "" {
		return t
	}
	if g := o.gatewaySettings(); g.Token != "" || g.Password != "" {
		return g.Token
	}
	b, err := os.ReadFile(o.path(kernel.TokenFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// gatewayPassword is the environment's, or the config file's where no token was given.
func (o *options) gatewayPassword() string {
	if p := os.Getenv("CARAPACE_GATEWAY_PASSWORD"); p != "" {
		return p
	}
	if o.token != "" || os.Getenv("CARAPACE_GATEWAY_TOKEN") != "" {
		return ""
	}
	return o.gatewaySettings().Password
}

// gatewaySettings are the config file's, the zero value where it cannot be read.
func (o *options) gatewaySettings() config.Gateway {
	c, err := config.Load(env("CARAPACE_CONFIG_PATH", o.path("carapace.json")), false)
	if err != nil {
		return config.Gateway{}
	}
	return c.Gateway
}

// call makes one call on a connection of its own.
func (o *options) call(ctx context.Context, method string, params, out any) error {
	c, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, params, out)
}
