// Package talk keeps one conversation with the gateway going: it sends messages, follows the runs
// that answer them, and when the gateway restarts it reconnects, asks for what became of each
// message by its key, and goes on. A message is never sent under two keys, so it is answered once.
//
// What the gateway sends has the types of package chat; what a reader is told is an Update. After a reconnect a
// run's end may be told twice: as the answer to the message, and by the event that was on its way. The package
// prints nothing and knows no screen. A reader that stops reading Updates holds the conversation up, until ctx ends.
package talk

import (
	"context"
	"errors"
	"slices"
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
	// Connected has the gateway's version as Text, Disconnected the reason as Err. Another Connected follows.
	Connected Kind = iota
	Disconnected
	// History is the conversation so far; it comes after each Connected.
	History
	// Accepted says that the gateway has the message: its run goes on, whoever listens.
	Accepted
	// Delta has the text of the answer so far.
	Delta
	// ToolStart and ToolEnd frame a tool's call.
	ToolStart
	ToolEnd
	// Final, Failed and Aborted end a run: with the whole answer, the reason as Err, or what was said until then.
	// The text of a Final is empty where the history has lost it.
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
}

// Tool is a call of a tool. Args are JSON; Result and Failed are set when it has ended.
type Tool struct {
	ID     string
	Name   string
	Args   string
	Result string
	Failed bool
}

// The retry delays between two attempts to connect. A restart takes about a second.
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
	conn    *client.Client // nil while there is none, and until the history was read
	pending []outgoing     // in the order of Send
	sending sync.WaitGroup // the Sends that have a connection, and may tell an end
}

// outgoing is a message whose run is not known to have ended.
type outgoing struct {
	key, text string
}

// New makes a conversation in a session. dial is called for each connection.
func New(session string, dial func(context.Context) (*client.Client, error)) *Conversation {
	return &Conversation{session: session, dial: dial, updates: make(chan Update, 64)}
}

// Updates gives what happens, in order. It is closed when Run returns.
func (c *Conversation) Updates() <-chan Update { return c.updates }

// NewKey makes a key for Send, different from all others.
func NewKey() string { return uuid.NewString() }

// Send queues a message under a key of its own, which becomes the id of the run that answers it. It goes out now, and
// Send returns when the gateway has it, or when the gateway is back, and then Send returns at once. How it ended, even
// that it could not be sent, an Update tells.
func (c *Conversation) Send(ctx context.Context, key, text string) {
	out := outgoing{key: key, text: text}
	c.mu.Lock()
	c.pending = append(c.pending, out)
	conn := c.conn
	if conn != nil {
		c.sending.Add(1)
		defer c.sending.Done()
	}
	c.mu.Unlock()
	if conn != nil {
		c.submit(ctx, conn, out)
	}
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
// where that one fails: the caller has the address wrong; and why the gateway refuses the session. It waits for the Sends that are on their way, so their ctx
// must end no later.
func (c *Conversation) Run(ctx context.Context) error {
	defer func() {
		c.sending.Wait() // there is no connection any more, so no Send joins them
		close(c.updates)
	}()
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
			if no := (refusal{}); errors.As(err, &no) {
				return no.error
			}
			c.emit(ctx, Update{Kind: Disconnected, Err: err})
		}
		failures++ // the end of a connection counts as one
		if !retry.Sleep(ctx, backoff.Delay(failures)) {
			return nil
		}
	}
}

// refusal is why there is no such conversation, on this connection and on any other.
type refusal struct{ error }

// follow serves one connection until it ends.
func (c *Conversation) follow(ctx context.Context, conn *client.Client) error {
	c.emit(ctx, Update{Kind: Connected, Text: conn.Hello().Server.Version})
	messages, err := c.history(ctx, conn, shownMessages)
	if err != nil {
		if code := wit.CodeOf(err); code == wit.CodeInvalid || code == wit.CodeNotFound {
			err = refusal{err}
		}
		return err
	}
	c.emit(ctx, Update{Kind: History, Messages: messages})
	c.mu.Lock()
	c.conn = conn
	pending := slices.Clone(c.pending)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.conn = nil
		c.mu.Unlock()
	}()
	for _, out := range pending {
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

// submit sends one message; the key makes it safe to do so on every connection. A run that has ended meanwhile is told
// from the answer, since its events are gone.
func (c *Conversation) submit(ctx context.Context, conn *client.Client, out outgoing) {
	var ack chat.SendResult
	err := conn.Call(ctx, "chat.send", chat.SendParams{SessionKey: c.session, Message: out.text, IdempotencyKey: out.key}, &ack)
	text := ""
	if err == nil && ack.Status == "ok" {
		text, err = c.answer(ctx, conn, out.key)
	}
	switch {
	case errors.Is(err, context.Canceled) || wit.CodeOf(err) == wit.CodeUnavailable && ending(conn):
		return // it stays pending for the next connection
	case err != nil:
		c.end(ctx, Update{Kind: Failed, Run: out.key, Err: err})
	case ack.RunID == "": // a /stop, which is no run
		c.end(ctx, Update{Kind: Final, Run: out.key, Text: "Stopped."})
	case ack.Status == "ok":
		c.end(ctx, Update{Kind: Final, Run: out.key, Text: text})
	case ack.Status == "error":
		c.end(ctx, Update{Kind: Failed, Run: out.key, Err: errors.New(ack.Summary)})
	default:
		c.emit(ctx, Update{Kind: Accepted, Run: out.key})
	}
}

// endingTimeout is how long a connection may take to end after a call on it has failed because of that.
const endingTimeout = 2 * time.Second

// ending reports whether a connection ends. One that stays has refused what was said, for good.
func ending(conn *client.Client) bool {
	select {
	case <-conn.Done():
		return true
	case <-time.After(endingTimeout):
		return false
	}
}

// end emits the update that ends a run and forgets its message.
func (c *Conversation) end(ctx context.Context, u Update) {
	c.mu.Lock()
	c.pending = slices.DeleteFunc(c.pending, func(out outgoing) bool { return out.key == u.Run })
	c.mu.Unlock()
	c.emit(ctx, u)
}

// emit gives an update to the reader, and drops it when ctx ends first.
func (c *Conversation) emit(ctx context.Context, u Update) {
	select {
	case c.updates <- u:
	case <-ctx.Done():
	}
}
