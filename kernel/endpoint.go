package kernel

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

// Names of files in the state directory that the command line reads.
const (
	EndpointFile = "gateway.json"
	TokenFile    = auth.TokenFile
	databaseFile = "carapace.db"
)

// Endpoint is where a running gateway can be reached. It is kept in EndpointFile while it runs.
type Endpoint struct {
	URL      string `json:"url"`
	PID      int    `json:"pid"`
	Version  string `json:"version"`
	StateDir string `json:"stateDir"`
	// Addresses are those at which other machines may reach it; none where only this one can.
	Addresses []string `json:"addresses,omitempty"`
}

// listen opens the port that the settings name.
//
// Errors: CodeConflict for a port in use, CodeUnavailable for one that may not be opened, both with
// what to do.
func listen(g config.Gateway) (net.Listener, error) {
	host, err := config.BindAddress(g.Bind)
	if g.Bind == config.BindTailnet {
		host, err = tailnet(interfaces())
	}
	if err != nil {
		return nil, err
	}
	port := g.Port
	switch port {
	case 0:
		port = config.DefaultPort
	case -1:
		port = 0
	}
	at := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := net.Listen("tcp", at)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, wit.Errorf(wit.CodeConflict, "port %d is in use: stop what listens there, or choose another with --port", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, wit.Errorf(wit.CodeUnavailable, "gateway.bind %s: this machine has no such address: it has %s", host, join(interfaces()))
	case errors.Is(err, syscall.EACCES):
		return nil, wit.Errorf(wit.CodeUnavailable, "port %d is for administrators: choose one above 1023 with --port", port)
	case err != nil:
		return nil, wit.Errorf(wit.CodeUnavailable, "listen on %s: %w", at, err)
	}
	return l, nil
}

// join writes addresses for people.
func join(addresses []netip.Addr) string {
	var list []string
	for _, a := range addresses {
		list = append(list, a.String())
	}
	return strings.Join(list, ", ")
}

// urlOf is the address that a client on this machine dials.
func urlOf(l net.Listener) string {
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String() // a listener in memory
	}
	host := at.Addr().Unmap()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "http://" + netip.AddrPortFrom(host, at.Port()).String()
}

// tailnet returns the one of this machine's addresses in the range that tailnets use. Errors: CodeUnavailable where it has none.
func tailnet(addresses []netip.Addr) (string, error) {
	shared := netip.MustParsePrefix("100.64.0.0/10")
	for _, a := range addresses {
		if shared.Contains(a) {
			return a.String(), nil
		}
	}
	return "", wit.NewError(wit.CodeUnavailable, "gateway.bind tailnet: this machine has no address in a tailnet (100.64.0.0/10): connect it, or choose another bind")
}

// interfaces are the IPv4 addresses of this machine.
func interfaces() []netip.Addr {
	var list []netip.Addr
	all, _ := net.InterfaceAddrs() // a machine that tells none has none to show
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			list = append(list, p.Addr())
		}
	}
	return list
}

// reachable are the addresses at which other machines may reach a listener.
func reachable(l net.Listener) []string {
	at, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return nil // in memory
	}
	hosts := []netip.Addr{at.Addr().Unmap()}
	if hosts[0].IsUnspecified() {
		hosts = interfaces()
	}
	var list []string
	for _, host := range hosts {
		if !host.IsLoopback() {
			list = append(list, "http://"+netip.AddrPortFrom(host, at.Port()).String())
		}
	}
	return list
}

// addresses are where other devices reach the gateway, and the setting that says so.
func (k *Kernel) addresses() (urls []string, setting string) {
	if public := k.settings.Config().Gateway.PublicURL; public != "" {
		return []string{public}, "gateway.publicUrl"
	}
	return reachable(k.door.listener), "gateway.bind"
}

// announce writes EndpointFile, whole or not at all.
func announce(dir string, at Endpoint) error {
	b, err := json.Marshal(at)
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "say where the gateway listens: %w", err)
	}
	path := filepath.Join(dir, EndpointFile)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "say where the gateway listens: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "say where the gateway listens: %w", err)
	}
	return nil
}
