package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

const (
	dialTimeout = 10 * time.Second
	configFile  = "carapace.json" // in the state directory
)

// dial connects to the gateway that the flags, the environment or the state directory name.
func (o *options) dial(ctx context.Context) (*client.Client, error) {
	url, err := gatewayURL(o.url, o.stateDir)
	if err != nil {
		return nil, err
	}
	token, password := credentials(o.token, o.stateDir)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{
		URL:      url,
		Token:    token,
		Password: password,
		Identity: filepath.Join(o.stateDir, "cli-device.json"),
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

// call makes one call on a connection of its own.
func (o *options) call(ctx context.Context, method string, params, out any) error {
	c, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, params, out)
}

// gatewayURL is the one that was given, else that of the gateway that runs on the state directory.
func gatewayURL(given, stateDir string) (string, error) {
	if given != "" {
		return strings.Replace(strings.Replace(given, "http://", "ws://", 1), "https://", "wss://", 1), nil
	}
	b, err := os.ReadFile(filepath.Join(stateDir, kernel.EndpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", unreachableError{fmt.Errorf("no gateway runs on %s; start one with `carapace`, or name another with --url", stateDir)}
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

// credentials are the flag's token, else the environment's, the config file's or the one in the state directory.
// The password is the environment's, or the config file's where no token was given.
func credentials(given, stateDir string) (token, password string) {
	password = os.Getenv("CARAPACE_GATEWAY_PASSWORD")
	if token = cmp.Or(given, os.Getenv("CARAPACE_GATEWAY_TOKEN")); token != "" {
		return token, password
	}
	var file config.Gateway
	if c, err := config.Load(configPath(stateDir), false); err == nil {
		file = c.Gateway // what is wrong with a file that cannot be read, the gateway and doctor say
	}
	password = cmp.Or(password, file.Password)
	if file.Token != "" || file.Password != "" {
		return file.Token, password
	}
	b, err := os.ReadFile(filepath.Join(stateDir, kernel.TokenFile))
	if err != nil {
		return "", password
	}
	return strings.TrimSpace(string(b)), password
}

// configPath is where clients look for the config file.
func configPath(stateDir string) string {
	return env("CARAPACE_CONFIG_PATH", filepath.Join(stateDir, configFile))
}
