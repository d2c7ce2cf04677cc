package host

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// connections are a plugin's, over its versions, by account.
type connections struct {
	mu    sync.Mutex
	count int // with those that are being opened
	open  map[*egress.Conn]string
}

func (c *connections) reserve() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == wit.LimitHTTPConnections {
		return false
	}
	c.count++
	return true
}

func (c *connections) add(conn *egress.Conn, account string) {
	c.mu.Lock()
	if c.open == nil {
		c.open = map[*egress.Conn]string{}
	}
	c.open[conn] = account
	c.mu.Unlock()
	conn.OnClose(func() { c.release(conn) })
}

func (c *connections) release(conn *egress.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	c.count--
}

// keep closes the connections that it says no to.
func (c *connections) keep(ok func(conn *egress.Conn, account string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn, account := range c.open {
		if !ok(conn, account) {
			_ = conn.Close()
		}
	}
}

// Open opens a connection under the plugin's permission; it ends with ctx. creds, which is asked for as
// long as it lasts, may be those of a later version. Errors are those of egress.Client.Open.
func (g *Guest) Open(ctx context.Context, account string, creds egress.Credentials, o *wit.OpenConnection) (*egress.Conn, error) {
	if err := g.mayRequest(&wit.HTTPRequest{}); err != nil {
		return nil, err
	}
	if !g.used.open.reserve() {
		return nil, wit.Errorf(wit.CodeRateLimited, "http: plugin %s has %d connections, which is as many as it may", g.ID, wit.LimitHTTPConnections)
	}
	conn, err := g.host.deps.Egress.Open(ctx, g.policy(account), creds, o)
	if err != nil {
		g.used.open.release(nil)
		return nil, err
	}
	g.used.open.add(conn, account)
	return conn, nil
}

// Inherit closes the connections that earlier versions opened and this one may not have.
func (g *Guest) Inherit() {
	g.used.open.keep(func(conn *egress.Conn, account string) bool {
		return g.Permissions.HTTP != nil && conn.Permitted(g.policy(account)) == nil
	})
}

// Disconnect closes all connections of the plugin.
func (g *Guest) Disconnect() {
	g.used.open.keep(func(*egress.Conn, string) bool { return false })
}
