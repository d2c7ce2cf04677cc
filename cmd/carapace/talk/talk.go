// Package talk keeps one conversation with the gateway going: it sends messages, follows the runs
// that answer them, and when the gateway restarts it connects again, asks for what became of each
// message by its key, and goes on. A message is never sent under two keys, so it is answered once.
package talk

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// Kind says what an Update tells.
type Kind int

const (
	Connected Kind = iota
	Disconnected
	// History is the conversation so far; it comes after each Connected.
	History
	// Delta has the text of the answer so far.
	Delta
	// ToolStart and ToolEnd frame a tool's call.
	ToolStart
	ToolEnd
	// Final, Failed and Aborted end a run.
	Final
	Failed
	Aborted
)

// Update is one thing that happened. Run is empty where no run is concerned.
type Update struct {
	Kind     Kind
	Run      string
	Text     string
	Tool     Tool
	Messages []Message
	Err      error
	// Mine: the run answers a message of this Conversation.
	Mine bool
}

// Tool is a call of a tool.
type Tool struct {
	ID     string
	Name   string
	Args   string
	Result string
	Failed bool
}

// Message is one entry of the history. Run is empty where no run is concerned.
type Message struct {
	Role string
	Run  string
	Text string
}

// What is waited between two attempts to connect.
const (
	firstWait = 200 * time.Millisecond
	longWait  = 3 * time.Second
)

// Conversation is one session seen by one client. New makes it, Run keeps it going; Send and Abort
// may be called from any goroutine.
type Conversation struct {
	session string
	dial    func(context.Context) (*client.Client, error)
	updates chan Update

	mu      sync.Mutex
	conn    *client.Client
	pending []outgoing
}

type outgoing struct {
	key, text string
}

// New makes a conversation in a session. dial is called for each connection.
func New(session string, dial func(context.Context) (*client.Client, error)) *Conversation {
	return &Conversation{session: session, dial: dial, updates: make(chan Update, 64)}
}

// Updates gives what happens, in order. It is closed when Run returns.
func (c *Conversation) Updates() <-chan Update { return c.updates }

// Send queues a message and returns the key of the run that will answer it. It goes out now, or
// when the gateway is there again.
func (c *Conversation) Send(ctx context.Context, text string) string {
	out := outgoing{key: uuid.NewString(), text: text}
	c.mu.Lock()
	c.pending = append(c.pending, out)
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		c.submit(ctx, conn, out)
	}
	return out.key
}

// Abort stops what runs in the session.
func (c *Conversation) Abort(ctx context.Context) error {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return wit.NewError(wit.CodeUnavailable, "not connected")
	}
	return conn.Call(ctx, "chat.abort", chat.AbortParams{SessionKey: c.session}, nil)
}

// Run connects, follows, and connects again, until ctx ends. It returns the first connection's error
// where that one fails: the caller has the address wrong.
func (c *Conversation) Run(ctx context.Context) error {
	defer close(c.updates)
	backoff, failures := retry.Backoff{Min: firstWait, Max: longWait}, 0
	for connected := false; ; {
		conn, err := c.dial(ctx)
		switch {
		case err != nil && !connected:
			return err
		case err == nil:
			connected, failures = true, 0
			err = c.follow(ctx, conn)
			conn.Close()
			c.emit(ctx, Update{Kind: Disconnected, Err: err})
		}
		failures++ // the end of a connection counts as one
		if !retry.Sleep(ctx, backoff.Delay(failures)) {
			return nil
		}
	}
}

// follow serves one connection until it ends.
func (c *Conversation) follow(ctx context.Context, conn *client.Client) error {
	c.emit(ctx, Update{Kind: Connected, Text: conn.Hello().Server.Version})
	page, err := c.history(ctx, conn, shownMessages, 0)
	if err != nil {
		return err
	}
	c.emit(ctx, Update{Kind: History, Messages: readable(page.Messages)})
	c.mu.Lock()
	c.conn = conn
	again := append([]outgoing(nil), c.pending...)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.conn = nil
		c.mu.Unlock()
	}()
	for _, out := range again {
		c.submit(ctx, conn, out)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-conn.Events():
			if !ok {
				return errors.New("the gateway closed the connection")
			}
			c.take(ctx, e)
		}
	}
}

// submit sends one message; the key makes it safe to do again. A run that ended meanwhile is told
// from the answer and the history, since its events are gone.
func (c *Conversation) submit(ctx context.Context, conn *client.Client, out outgoing) {
	var ack chat.SendResult
	err := conn.Call(ctx, "chat.send", map[string]any{"sessionKey": c.session, "message": out.text, "idempotencyKey": out.key}, &ack)
	switch {
	case wit.CodeOf(err) == wit.CodeUnavailable || errors.Is(err, context.Canceled):
		return // it stays pending for the next connection
	case err != nil:
		c.end(ctx, Update{Kind: Failed, Run: out.key, Err: err})
	case ack.Status == "ok":
		c.recover(ctx, conn, out.key)
	case ack.Status == "error":
		c.end(ctx, Update{Kind: Failed, Run: out.key, Err: errors.New(ack.Summary)})
	}
}

// recover tells what a run answered that nobody watched.
func (c *Conversation) recover(ctx context.Context, conn *client.Client, key string) {
	text, err := c.answer(ctx, conn, key)
	switch {
	case wit.CodeOf(err) == wit.CodeUnavailable || errors.Is(err, context.Canceled):
		return // the next connection asks again
	case err != nil:
		c.end(ctx, Update{Kind: Failed, Run: key, Err: err})
	default:
		c.end(ctx, Update{Kind: Final, Run: key, Text: text})
	}
}

// end emits the update that ends a run and forgets its message.
func (c *Conversation) end(ctx context.Context, u Update) {
	c.mu.Lock()
	for i, out := range c.pending {
		if out.key == u.Run {
			c.pending = append(c.pending[:i:i], c.pending[i+1:]...)
			u.Mine = true
			break
		}
	}
	c.mu.Unlock()
	c.emit(ctx, u)
}

func (c *Conversation) emit(ctx context.Context, u Update) {
	select {
	case c.updates <- u:
	case <-ctx.Done():
	}
}

func (c *Conversation) mine(run string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, out := range c.pending {
		if out.key == run {
			return true
		}
	}
	return false
}
