package egress

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// maxPools bounds how many transports are kept; beyond it, some other's idle connections are closed.
const maxPools = 256

// poolKey says which requests may share connections. origin is set for owner-configured ones only, so
// that a connection into a private network is never reused for anything else.
type poolKey struct {
	owner, origin string
}

// transport returns the connections that a route may use. Owner is part of the key because a server may tie a
// login to a connection; a plugin must not inherit another one's.
func (c *Client) transport(owner string, r route) *http.Transport {
	key := poolKey{owner: owner}
	if r.private {
		key.origin = r.origin
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.pools[key]; t != nil {
		return t
	}
	// Any will do: the bound only keeps many short-lived owners from leaving connections behind for ever.
	for old, t := range c.pools {
		if len(c.pools) < maxPools {
			break
		}
		t.CloseIdleConnections()
		delete(c.pools, old)
	}
	// No Proxy: it would connect to what it likes, and the address check would be about the proxy. Compressed responses are bounded after decoding.
	t := &http.Transport{
		DialContext:            c.dialer(r.private),
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	if c.tls != nil {
		t.TLSClientConfig = c.tls.Clone()
	}
	c.pools[key] = t
	return t
}

// forget closes and drops the pools that which selects. Requests that run keep their connection and return it to a
// pool that nobody uses any more, where it ends with its idle timeout.
func (c *Client) forget(which func(poolKey) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, t := range c.pools {
		if which(key) {
			t.CloseIdleConnections()
			delete(c.pools, key)
		}
	}
}

// dialer resolves, checks every address and connects to one that was checked.
// All addresses have to be permitted, not just one: a name that also resolves to a private address is not trusted.
// The connection is made to the checked address and not to the name, which could resolve to another one a moment
// later.
func (c *Client) dialer(private bool) func(ctx context.Context, network, addr string) (net.Conn, error) {
	table := newAddresses()
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, _ := net.SplitHostPort(addr) // who dials gives both
		found, err := c.lookup(ctx, host, private)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			if !table.permits(a, private) {
				return nil, wit.Errorf(wit.CodeForbidden, "http: host %s has an address on a private or reserved network: only a URL that the owner configured may be there", host)
			}
		}
		for _, a := range found {
			var conn net.Conn
			if conn, err = c.dial(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
				return conn, nil
			}
			if ctx.Err() != nil {
				break
			}
		}
		return nil, err
	}
}

// lookup finds a host's addresses, at most 16 of them. A literal address is its own, to be checked like any other.
func (c *Client) lookup(ctx context.Context, host string, private bool) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if !private {
		if err := checkName(host); err != nil {
			return nil, err
		}
	}
	found, _ := c.resolver.LookupNetIP(ctx, "ip", host)
	if len(found) == 0 {
		return nil, wit.Errorf(wit.CodeUnavailable, "http: host %s cannot be found: check its name and this machine's network", host)
	}
	return found[:min(len(found), 16)], nil
}
