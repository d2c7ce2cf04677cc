package discord

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
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

// beatTimer is the timer of heartbeats, and of Hello before the first one.
const beatTimer = "beat"

// helloTimeout is how long a gateway that was opened may say nothing, in milliseconds.
const helloTimeout = 20_000

// Bounds of the time between heartbeats, in milliseconds, whatever a server asks for.
const (
	minInterval = 1_000
	maxInterval = 600_000
)

// opened waits for Hello.
func opened(a *answer, _ *wit.Opened) {
	a.State.interval, a.State.unacked = 0, false
	a.status(wit.ConnectionStateConnecting, "")
	a.Timer(beatTimer, helloTimeout)
}

// handleFrame takes a payload of the gateway ("Payload Structure").
func handleFrame(a *answer, frame *wit.Frame) {
	if frame.Text == nil {
		a.Host.Warn("discord: the gateway sent bytes, which nobody asked for")
		return
	}
	v, err := json.ParseText(*frame.Text)
	if err != nil {
		a.Host.Warn("discord: the gateway sent what is no JSON: " + err.Error())
		return
	}
	switch v.Get("op").Int() {
	case opDispatch:
		dispatch(a, v)
	case opHeartbeat:
		heartbeat(a)
	case opReconnect:
		reopen(a)
	case opInvalidSession:
		invalidSession(a, v.Get("d").Bool())
	case opHello:
		hello(a, v.Get("d", "heartbeat_interval").Int())
	case opAck:
		a.State.unacked = false
	}
}

// hello begins the heartbeats, the first one at some time within the interval, and resumes the session or begins one.
func hello(a *answer, interval int64) {
	a.State.interval, a.State.unacked, a.State.missed = min(max(interval, minInterval), maxInterval), false, 0
	a.Timer(beatTimer, 1+a.random(a.State.interval))
	if !isWord(a.State.session) {
		a.State.forget()
	}
	if a.State.session == "" {
		identify(a)
		return
	}
	a.say(opResume, json.Object{}.Credential("token", "botToken").Text("session_id", a.State.session).Int("seq", a.State.seq).JSON()).Fill = true
}

// Intents ("List of Intents").
const (
	intentGuilds          = 1 << 0
	intentMessages        = 1 << 9
	intentReactions       = 1 << 10
	intentTyping          = 1 << 11
	intentDirect          = 1 << 12
	intentDirectReactions = 1 << 13
	intentDirectTyping    = 1 << 14
	intentContent         = 1 << 15
	intentPolls           = 1 << 24
	intentDirectPolls     = 1 << 25
)

// identify begins a session ("Identify Structure"). Members of guilds are not wanted, only that of the bot.
func identify(a *answer) {
	intents := int64(intentGuilds | intentMessages | intentReactions | intentTyping | intentDirect | intentDirectReactions | intentDirectTyping | intentPolls | intentDirectPolls)
	if !a.Settings.noContent {
		intents |= intentContent
	}
	if a.State.bare {
		intents &^= intentGuilds
	}
	properties := json.Object{}.Text("os", "linux").Text("browser", "carapace").Text("device", "carapace").JSON()
	a.say(opIdentify, json.Object{}.Credential("token", "botToken").Int("intents", intents).
		Int("large_threshold", 50).Raw("properties", properties).JSON()).Fill = true
}

// heartbeat says that we are here, and how far we have come.
func heartbeat(a *answer) {
	seq := "null"
	if a.State.seq > 0 {
		seq = strconv.FormatInt(a.State.seq, 10)
	}
	a.say(opHeartbeat, wit.JSON(seq))
}

// beat sends a heartbeat. Where the last one was not acknowledged, or nobody has said Hello, the connection is dead, and
// another one is opened ("Sending Heartbeats").
func beat(a *answer) {
	if a.State.interval == 0 || a.State.unacked {
		a.State.ended()
		a.Host.Info("discord: the gateway is silent; the connection is opened again")
		reopen(a)
		return
	}
	heartbeat(a)
	a.State.unacked = true
	a.Timer(beatTimer, a.State.interval)
}

// ended notes the end of a connection, or of an attempt at one.
func (s *state) ended() {
	if s.interval == 0 {
		s.missed++
	} else if s.idle++; s.idle >= maxIdle && s.session != "" {
		s.forget()
		s.idle, s.bare = 0, true
	}
	s.interval, s.unacked = 0, false
}

// maxIdle is how many ends there may be without an event between them: three times the session was resumed then, and not even
// that was said. What would come first is an event that is larger than a frame may be, and each attempt ends at it: only the
// description of a large guild is. A new session does without those; names and threads are asked for.
const maxIdle = 4

// reopen ends the connection and opens another one, to go on there.
func reopen(a *answer) {
	a.State.interval, a.State.unacked = 0, false
	a.Timer(beatTimer, 0)
	a.close()
	reach(a)
}

// invalidSession begins a new session, or tries to resume the present one once more, after one to five seconds (Invalid
// Session).
func invalidSession(a *answer, resumable bool) {
	if !resumable {
		a.State.forget()
	}
	a.State.interval, a.State.unacked = 0, false
	a.Timer(beatTimer, 0)
	a.close()
	a.Timer(retryTimer, 1_000+a.random(4_001))
}

// Close codes ("Gateway Close Event Codes").
const (
	closeNotAuthenticated  = 4003
	closeBadToken          = 4004
	closeBadSequence       = 4007
	closeTimedOut          = 4009
	closeShard             = 4010
	closeShardingRequired  = 4011
	closeVersion           = 4012
	closeInvalidIntents    = 4013
	closeDisallowedIntents = 4014
)

// handleClosed goes on after the end of a connection: with the session, or a new one, or not before the owner has done
// something.
func handleClosed(a *answer, closed *wit.Closed) {
	if closed == nil {
		return
	}
	a.State.ended()
	a.Timer(beatTimer, 0)
	switch closed.Code {
	case closeBadToken:
		giveUp(a)
		badToken(a)
	case closeInvalidIntents, closeDisallowedIntents:
		giveUp(a)
		a.status(wit.ConnectionStateFailed, "Discord does not let this bot read messages: at discord.com/developers/applications open your application, choose Bot and switch on Message Content Intent; or set messageContent to false, to read only direct messages and those that mention the bot")
		retryLater(a, account.RefusedRetry)
	case closeShard, closeShardingRequired, closeVersion:
		giveUp(a)
		a.status(wit.ConnectionStateFailed, "Discord refuses the connection (close code "+strconv.Itoa(int(closed.Code))+"): the bot is in too many servers for one connection, or this plugin is too old")
		retryLater(a, account.RefusedRetry)
	case closeNotAuthenticated, closeBadSequence, closeTimedOut:
		a.State.forget()
		goOn(a)
	default:
		goOn(a)
	}
}

// giveUp closes the connection, which the kernel would open again, and the session with it.
func giveUp(a *answer) {
	a.State.forget()
	a.close()
}

// goOn opens the next connection. The kernel waits before it does, longer with each one that does not last.
func goOn(a *answer) {
	if reach(a); len(a.Out.Open) == 0 {
		a.close() // where it is opened again is yet to be asked
	}
}
