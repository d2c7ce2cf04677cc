package discordtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
	"github.com/coder/websocket"
)

// Opcodes ("Gateway Opcodes").
const (
	opDispatch       = 0
	opHeartbeat      = 1
	opIdentify       = 2
	opResume         = 6
	opReconnect      = 7
	opInvalidSession = 9
	opHello          = 10
	opAck            = 11
)

// Intents ("List of Intents").
const (
	intentGuilds          = 1 << 0
	intentMessages        = 1 << 9
	intentReactions       = 1 << 10
	intentTyping          = 1 << 11
	intentDirect          = 1 << 12
	intentDirectReactions = 1 << 13
	intentDirectTyping    = 1 << 14
	intentPolls           = 1 << 24
	intentDirectPolls     = 1 << 25
	// IntentContent is a privileged one, that of messages' texts; so are IntentMembers and IntentPresences.
	IntentContent   = 1 << 15
	IntentMembers   = 1 << 1
	IntentPresences = 1 << 8

	knownIntents = 1<<26 - 1
)

// intentOf is the intent of an event in a channel.
func intentOf(c *Channel, inGuild, inDirect int) int {
	if c != nil && c.GuildID == "" {
		return inDirect
	}
	return inGuild
}

// Gateway is the sessions of the bot and their connections.
type Gateway struct {
	cfg   Config
	host  *web.Host
	world *world

	mu       sync.Mutex
	sessions []*session
	conns    []*conn
	muted    bool
	stats    Stats
	serving  sync.WaitGroup
	closed   bool
}

// Stats count what happened at the gateway.
type Stats struct {
	Connections, Identifies, Resumes, Invalid, Heartbeats int
	// Intents are those of the last identification.
	Intents int
}

// session is a stream of events, over all its connections.
type session struct {
	id      string
	intents int
	events  []event // the one with the number n stands at n-1
	over    bool
}

// event is one as it is said; number is where it stands in the session.
type event struct {
	name string
	data []byte // with its number
}

// conn is one connection.
type conn struct {
	gateway *Gateway
	ws      *websocket.Conn
	wake    chan struct{} // something is to be written
	cancel  context.CancelFunc

	// Under the gateway's lock.
	session *session // nil before identify or resume
	// confirmed says that the bot has heard Ready, or has resumed the session.
	confirmed bool
	next      int      // of the session's events, the first that was not written
	control   [][]byte // payloads that are no events
	end       *websocket.CloseError
	drop      bool
}

func newGateway(cfg Config, host *web.Host) *Gateway {
	return &Gateway{cfg: cfg, host: host}
}

// Stats returns what happened so far.
func (g *Gateway) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stats
}

// Connected reports whether a session has a connection, and the bot has shown that it knows the session: by a heartbeat behind
// Ready, or by having resumed it. Before that it may yet begin another one, which is not told what this one was.
func (g *Gateway) Connected() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.conns, func(c *conn) bool { return c.session != nil && c.confirmed })
}

// dispatch says an event to each session that has its intent; 0 is every one.
func (g *Gateway) dispatch(name string, data any, intent int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.sessions {
		if !s.over && (intent == 0 || s.intents&intent != 0) {
			g.append(s, name, s.visible(data, g.world))
		}
	}
	g.host.Raise()
}

// append adds an event to a session.
func (g *Gateway) append(s *session, name string, data any) {
	text := marshal(map[string]any{"op": opDispatch, "t": name, "s": len(s.events) + 1, "d": data})
	s.events = append(s.events, event{name, text})
	g.wake()
}

// visible is an event as a session may see it: the text of a message is for those that it is meant for, and for who may read
// all (Message Content Intent).
func (s *session) visible(data any, w *world) any {
	m, is := data.(Message)
	if !is || s.intents&IntentContent != 0 || m.GuildID == "" || m.Author != nil && m.Author.ID == w.bot.ID ||
		slices.ContainsFunc(m.Mentions, func(u User) bool { return u.ID == w.bot.ID }) {
		return data
	}
	m.Content, m.Attachments, m.Embeds, m.Components, m.Poll = "", []Attachment{}, []Embed{}, nil, nil
	return m
}

// wake has every connection look for what is to be written.
func (g *Gateway) wake() {
	for _, c := range g.conns {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// Drop breaks all connections off without a word.
func (g *Gateway) Drop() { g.each(func(c *conn) { c.drop = true }) }

// CloseWith closes all connections with a code ("Gateway Close Event Codes").
func (g *Gateway) CloseWith(code int, reason string) {
	g.each(func(c *conn) { c.end = &websocket.CloseError{Code: websocket.StatusCode(code), Reason: reason} })
}

// Reconnect asks all connections to come again.
func (g *Gateway) Reconnect() {
	g.each(func(c *conn) { c.control = append(c.control, payload(opReconnect, nil)) })
}

// Invalidate tells all connections that their session is over, or only that it has to be resumed.
func (g *Gateway) Invalidate(resumable bool) {
	g.each(func(c *conn) {
		c.control = append(c.control, payload(opInvalidSession, resumable))
		if c.session != nil && !resumable {
			c.session.over = true
		}
	})
}

// Forget has all sessions be over without telling: who resumes one hears of it.
func (g *Gateway) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.sessions {
		s.over = true
	}
}

// Beat asks all connections for a heartbeat.
func (g *Gateway) Beat() {
	g.each(func(c *conn) { c.control = append(c.control, payload(opHeartbeat, nil)) })
}

// Mute has heartbeats go without an answer, or not any more.
func (g *Gateway) Mute(muted bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.muted = muted
}

// Repeat says the last n events once more, as a platform does that is not sure of having said them.
func (g *Gateway) Repeat(n int) {
	g.each(func(c *conn) {
		if c.session == nil {
			return
		}
		for _, e := range c.session.events[max(c.next-n, 0):c.next] {
			c.control = append(c.control, e.data)
		}
	})
}

func (g *Gateway) each(do func(*conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		do(c)
	}
	g.wake()
}

// stop ends all connections and waits for them.
func (g *Gateway) stop() {
	g.mu.Lock()
	g.closed = true
	for _, c := range g.conns {
		c.cancel()
	}
	g.mu.Unlock()
	g.serving.Wait()
}

func payload(op int, data any) []byte { return marshal(map[string]any{"op": op, "d": data}) }

func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprint("discordtest: ", err))
	}
	return bytes.TrimSpace(b.Bytes())
}

// serve serves a connection.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	ws.SetReadLimit(4096) // "Sending Events"
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	c := &conn{gateway: g, ws: ws, wake: make(chan struct{}, 1), cancel: cancel}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		cancel()
		_ = ws.CloseNow()
		return
	}
	g.conns = append(g.conns, c)
	g.stats.Connections++
	c.control = append(c.control, payload(opHello, map[string]any{"heartbeat_interval": g.cfg.Heartbeat.Milliseconds()}))
	c.wake <- struct{}{}
	g.serving.Add(1)
	g.mu.Unlock()
	defer g.serving.Done()
	defer c.leave()
	go c.read(ctx)
	c.write(ctx)
}

// leave ends the connection.
func (c *conn) leave() {
	c.cancel()
	g := c.gateway
	g.mu.Lock()
	g.conns = slices.DeleteFunc(g.conns, func(o *conn) bool { return o == c })
	end := c.end
	g.mu.Unlock()
	if end != nil {
		_ = c.ws.Close(end.Code, end.Reason)
	}
	_ = c.ws.CloseNow()
	g.host.Raise()
}

// read takes what the bot sends, until it says nothing for longer than it may.
func (c *conn) read(ctx context.Context) {
	defer c.cancel()
	for {
		within, cancel := context.WithTimeout(ctx, 2*c.gateway.cfg.Heartbeat+5*time.Second)
		_, data, err := c.ws.Read(within)
		cancel()
		if err != nil {
			return
		}
		var p struct {
			Op int             `json:"op"`
			D  json.RawMessage `json:"d"`
		}
		if json.Unmarshal(data, &p) != nil {
			c.close(4002, "Error while decoding payload.")
			continue
		}
		c.handle(p.Op, p.D)
	}
}

// handle takes a payload ("Send Events").
func (c *conn) handle(op int, data json.RawMessage) {
	g := c.gateway
	g.world.mu.Lock()
	defer g.world.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.host.Raise()
	defer g.wake()
	switch op {
	case opHeartbeat:
		g.stats.Heartbeats++
		c.confirmed = c.confirmed || len(data) > 0 && string(data) != "null" && string(data) != "0"
		if !g.muted {
			c.control = append(c.control, payload(opAck, nil))
		}
	case opIdentify:
		c.identify(data)
	case opResume:
		c.resume(data)
	default:
		if c.session == nil {
			c.end = &websocket.CloseError{Code: 4003, Reason: "Not authenticated."}
		}
	}
}

func (c *conn) close(code int, reason string) {
	c.gateway.mu.Lock()
	defer c.gateway.mu.Unlock()
	c.end = &websocket.CloseError{Code: websocket.StatusCode(code), Reason: reason}
	c.gateway.wake()
}

// identify begins a session (Identify).
func (c *conn) identify(data json.RawMessage) {
	g := c.gateway
	var p struct {
		Token      string          `json:"token"`
		Intents    int             `json:"intents"`
		Properties json.RawMessage `json:"properties"`
	}
	g.stats.Identifies++
	err := json.Unmarshal(data, &p)
	g.stats.Intents = p.Intents
	switch {
	case err != nil || p.Properties == nil:
		c.end = &websocket.CloseError{Code: 4002, Reason: "Error while decoding payload."}
	case c.session != nil:
		c.end = &websocket.CloseError{Code: 4005, Reason: "Already authenticated."}
	case !g.cfg.authorized(p.Token):
		c.end = &websocket.CloseError{Code: 4004, Reason: "Authentication failed."}
	case p.Intents&^knownIntents != 0:
		c.end = &websocket.CloseError{Code: 4013, Reason: "Invalid intent(s)."}
	case p.Intents&g.cfg.Disallowed != 0:
		c.end = &websocket.CloseError{Code: 4014, Reason: "Disallowed intent(s)."}
	default:
		c.begin(p.Intents)
	}
}

// begin opens a session: Ready, and the guilds behind it.
func (c *conn) begin(intents int) {
	g := c.gateway
	s := &session{id: fmt.Sprintf("%032x", len(g.sessions)+1), intents: intents}
	g.sessions, c.session = append(g.sessions, s), s
	w := g.world
	guilds := []map[string]any{}
	for id := range w.guilds {
		guilds = append(guilds, map[string]any{"id": id, "unavailable": true})
	}
	g.append(s, "READY", map[string]any{
		"v": 10, "user": w.bot, "guilds": guilds, "session_id": s.id, "resume_gateway_url": g.address("/resume"),
		"shard": []int{0, 1}, "application": map[string]any{"id": ApplicationID, "flags": 0},
	})
	if intents&intentGuilds != 0 {
		for _, guild := range w.guilds {
			g.append(s, "GUILD_CREATE", *guild)
		}
	}
}

// address is one of the gateway's.
func (g *Gateway) address(path string) string {
	return strings.Replace(g.host.Root(), "http", "ws", 1) + path
}

// resume goes on with a session (Resume).
func (c *conn) resume(data json.RawMessage) {
	g := c.gateway
	var p struct {
		Token     string `json:"token"`
		SessionID string `json:"session_id"`
		Seq       int    `json:"seq"`
	}
	g.stats.Resumes++
	if err := json.Unmarshal(data, &p); err != nil {
		c.end = &websocket.CloseError{Code: 4002, Reason: "Error while decoding payload."}
		return
	}
	if !g.cfg.authorized(p.Token) {
		c.end = &websocket.CloseError{Code: 4004, Reason: "Authentication failed."}
		return
	}
	at := slices.IndexFunc(g.sessions, func(s *session) bool { return s.id == p.SessionID && !s.over })
	switch {
	case at < 0:
		g.stats.Invalid++
		c.control = append(c.control, payload(opInvalidSession, false))
	case p.Seq > len(g.sessions[at].events):
		c.end = &websocket.CloseError{Code: 4007, Reason: "Invalid seq."}
	default:
		c.session, c.next, c.confirmed = g.sessions[at], p.Seq, true
		for _, other := range g.conns { // a session has one connection
			if other != c && other.session == c.session {
				other.end = &websocket.CloseError{Code: 4000, Reason: "Resumed elsewhere."}
			}
		}
		g.append(c.session, "RESUMED", map[string]any{})
	}
}

// write writes what there is to be written, in order, until the connection ends.
func (c *conn) write(ctx context.Context) {
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		for {
			data, more, end := c.take()
			if !more {
				if end {
					return
				}
				break
			}
			if c.ws.Write(ctx, websocket.MessageText, data) != nil {
				return
			}
		}
	}
}

// take returns the next payload; end says that the connection is to be closed.
func (c *conn) take() (data []byte, more, end bool) {
	g := c.gateway
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case c.drop:
		return nil, false, true
	case len(c.control) > 0:
		data, c.control = c.control[0], c.control[1:]
		return data, true, false
	case c.session != nil && c.next < len(c.session.events):
		data = c.session.events[c.next].data
		c.next++
		return data, true, false
	}
	return nil, false, c.end != nil
}
