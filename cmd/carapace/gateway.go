package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// unreachableError says that no gateway answered. It has an exit code of its own, so that a script can start one.
type unreachableError struct{ error }

// maxStateFile bounds what is read of a file in the state directory, in bytes.
const maxStateFile = 64 << 10

// dialTimeout is for connecting and the handshake together. A gateway that is there needs milliseconds.
const dialTimeout = 10 * time.Second

// gateway is the running gateway that a command speaks to, as the command line names it. What the flags leave
// open, the environment, the config file and the state directory say, in this order.
type gateway struct {
	state      stateFolder
	url, token string
}

// dial connects as an operator with all scopes: whoever can read the state directory owns the gateway.
func (g gateway) dial(ctx context.Context) (*client.Client, error) {
	address, err := g.address()
	if err != nil {
		return nil, err
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	token, password := g.credentials()
	o := client.Options{
		URL:      address,
		Token:    token,
		Password: password,
		Identity: g.state.path("cli-device.json"),
		Client:   wire.Client{ID: "cli", DisplayName: "carapace", Version: version, Platform: runtime.GOOS, Mode: "cli"},
		Role:     wire.RoleOperator,
		Scopes:   []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing},
		Caps:     []string{"tool-events"},
	}
	c, err := client.Dial(ctx, o)
	// Where no device pairs unasked, the owner's word alone has to do, else he could approve none.
	if refusal := (*wire.Error)(nil); errors.As(err, &refusal) && refusal.Code == wire.NotPaired && token+password != "" {
		o.Identity = ""
		c, err = client.Dial(ctx, o)
	}
	if err != nil && caller.Err() != nil {
		return nil, caller.Err() // whoever asked does not wait any more
	}
	return c, unreachable(address, err)
}

// unreachable says what an attempt to connect met, where that was no gateway, or none that lets anybody in now.
func unreachable(address string, err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachableError{fmt.Errorf("no gateway answers at %s; start it with `carapace`", address)}
	case errors.Is(err, context.DeadlineExceeded):
		return unreachableError{fmt.Errorf("whoever listens at %s has not answered for %v: the gateway may be suspended, or very busy; look for its process", address, dialTimeout)}
	case wit.CodeOf(err) == wit.CodeUnavailable:
		return unreachableError{err}
	case wit.CodeOf(err) == wit.CodeUnauthorized:
		return refused(address, err)
	}
	return err
}

// refused says where the right token, or the password, is to be given. Other reasons say themselves what to do.
func refused(address string, err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "gateway token"):
		return wit.Errorf(wit.CodeUnauthorized, "the gateway at %s wants another token: give its own with --token or CARAPACE_GATEWAY_TOKEN", address)
	case strings.Contains(text, "gateway password"):
		return wit.Errorf(wit.CodeUnauthorized, "the gateway at %s wants another password: give its own with CARAPACE_GATEWAY_PASSWORD", address)
	}
	return err
}

// address is the flag's URL, or the one that the running gateway has written into its state directory.
func (g gateway) address() (string, error) {
	if g.url == "" {
		at, err := g.endpoint()
		return at.URL, err
	}
	u, err := url.Parse(g.url)
	if err != nil || u.Host == "" || !slices.Contains([]string{"ws", "wss", "http", "https"}, u.Scheme) {
		return "", usageError{fmt.Errorf("%.100q is no address of a gateway: write one such as ws://127.0.0.1:18789", g.url)}
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	return u.String(), nil
}

// endpoint is where the state directory's own gateway listens. The gateway removes that file when it stops; one that was
// killed leaves it behind, and somebody else may listen there by now.
func (g gateway) endpoint() (at kernel.Endpoint, err error) {
	b, err := file.Read(g.state.path(kernel.EndpointFile), maxStateFile)
	if err == nil {
		err = json.Unmarshal(b, &at)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && !alive(at.PID) {
		return at, unreachableError{fmt.Errorf("no gateway runs on %s; start one with `carapace`, or name another with --url", g.state)}
	}
	if err != nil {
		return at, fmt.Errorf("read where the gateway listens: %w", err)
	}
	return at, nil
}

// alive reports whether a process may be running: only a clear no is one.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil || pid <= 0 {
		return false
	}
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// own reports whether the command speaks to the state directory's own gateway. What the state directory and the config
// file know by heart is for that one alone; any other needs --token or the environment.
func (g gateway) own() bool {
	if g.url == "" {
		return true
	}
	at, err := g.endpoint()
	return err == nil && place(g.url) == place(at.URL)
}

// place is the host and the port of a gateway's address, with one name for this machine.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return address
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, u.Port())
}

// credentials are the flag's, the environment's, or, for the state directory's own gateway, the config file's or the
// token that the gateway made for itself. A password in the environment is always given; the config file's only
// where no token was named, since it belongs to another way in.
func (g gateway) credentials() (token, password string) {
	password = os.Getenv("CARAPACE_GATEWAY_PASSWORD")
	if token = g.token; token == "" {
		token = os.Getenv("CARAPACE_GATEWAY_TOKEN")
	}
	if token != "" || !g.own() {
		return token, password
	}
	settings := g.settings()
	if password == "" {
		password = settings.Password
	}
	if settings.Token != "" || settings.Password != "" {
		return settings.Token, password
	}
	b, err := file.Read(g.state.path(kernel.TokenFile), maxStateFile)
	if err != nil {
		return "", password // the gateway says that a token is missing
	}
	return strings.TrimSpace(string(b)), password
}

// settings are the config file's, the zero value where it cannot be read: a client must work with a broken
// file, and doctor says what is wrong with it.
func (g gateway) settings() config.Gateway {
	c, _, _, err := config.Load(g.state.configPath(), false)
	if err != nil {
		return config.Gateway{}
	}
	return c.Gateway
}
