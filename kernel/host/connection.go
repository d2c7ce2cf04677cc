package host

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// Connections opens a version's connections. They are the plugin's and not the version's: an upgrade leaves them
// open, except those that the next version may not have.
type Connections struct {
	plugin      string
	reach       *reach
	credentials *Credentials
	client      *egress.Client
	open        *openConnections
}

// Open opens a connection under the plugin's permission; it ends with ctx. creds, which is asked for as
// long as it lasts, may be those of a later version. Errors are those of egress.Client.Open, CodeForbidden for a missing
// permission, and CodeRateLimited for a connection too many.
func (c *Connections) Open(ctx context.Context, account string, creds egress.Credentials, o *wit.OpenConnection) (*egress.Conn, error) {
	if err := c.reach.admit(&wit.HTTPRequest{}); err != nil {
		return nil, err
	}
	if !c.open.reserve() {
		return nil, wit.ErrorAfter(wit.CodeRateLimited, roomAgain, "http: plugin %s has %d connections, which is as many as it may", c.plugin, wit.LimitHTTPConnections)
	}
	l := c.credentials.lease(account, creds)
	conn, err := c.client.Open(ctx, c.reach.policy(account), l.get, o)
	if wit.CodeOf(err) == wit.CodeUnauthorized && l.refused(ctx) {
		conn, err = c.client.Open(ctx, c.reach.policy(account), l.get, o)
	}
	if err != nil {
		c.open.cancel()
		return nil, err
	}
	c.open.add(conn, account)
	return conn, nil
}

// roomAgain is when a plugin that has all connections it may have is to ask again: when one ends is not known.
const roomAgain = 5 * time.Second

// Inherit closes the connections that earlier versions opened and this one may not have.
func (c *Connections) Inherit() {
	c.open.keep(func(conn *egress.Conn, account string) bool {
		return conn.Permitted(c.reach.policy(account)) == nil // without the permission nothing is
	})
}

// Disconnect closes all connections of the plugin.
func (c *Connections) Disconnect() { c.open.closeAll() }

// openConnections are those of a plugin that are open, over its versions, with the account that each serves.
type openConnections struct {
	mu    sync.Mutex
	count int // with those that are being opened
	conns map[*egress.Conn]string
}

func newOpenConnections() *openConnections {
	return &openConnections{conns: map[*egress.Conn]string{}}
}

// reserve counts one that is about to be opened, or returns false when there are as many as may be. add or cancel has
// to follow.
func (o *openConnections) reserve() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == wit.LimitHTTPConnections {
		return false
	}
	o.count++
	return true
}

// cancel gives back what was reserved for one that could not be opened.
func (o *openConnections) cancel() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count--
}

// add takes one that was reserved. Its end, whoever brings it about, gives the place back.
func (o *openConnections) add(conn *egress.Conn, account string) {
	o.mu.Lock()
	o.conns[conn] = account
	o.mu.Unlock()
	conn.OnClose(func() { o.remove(conn) })
}

func (o *openConnections) remove(conn *egress.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.conns, conn)
	o.count--
}

// keep closes the connections that ok says no to.
func (o *openConnections) keep(ok func(conn *egress.Conn, account string) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for conn, account := range o.conns {
		if !ok(conn, account) {
			_ = conn.Close() // remove hears of it on a goroutine of its own, once this lock is free
		}
	}
}

func (o *openConnections) closeAll() {
	o.keep(func(*egress.Conn, string) bool { return false })
}
