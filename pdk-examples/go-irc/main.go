// Command go-irc is a plugin that is on IRC: a channel whose sends go over the account's connection, and wait until
// the server has said them back. That needs a server with IRCv3's echo-message and labeled-response.
package main

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// capabilities are what the server has to have: the first and the last are what makes a send certain.
const capabilities = "echo-message batch message-tags labeled-response"

type irc struct{}

// state is what an account knows: whether the server has let it in, and how many messages came, since they have no ids.
type state struct {
	in    bool
	count int64
}

func read(data wit.JSON) state {
	value, _ := json.Parse(data) // there is none at first
	return state{value.Get("in").Bool(), value.Get("count").Int()}
}

func (s state) json() wit.JSON { return json.Object{}.Bool("in", s.in).Int("count", s.count).JSON() }

// turn is the handling of one event.
type turn struct {
	account json.Value // its settings, which the kernel has checked
	state   state
	answer  wit.ChannelAnswer
}

// Event keeps the connection. Each event but a message of somebody's is handled with the frames that it answers.
func (irc) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	account, _ := json.Parse(event.Config)
	t := turn{account: account, state: read(event.State)}
	nick := account.Get("nick").Text()
	switch event.Kind {
	case wit.EventKindStart:
		t.state.in = false
		url := account.Get("server").Text()
		transport, _, _ := strings.Cut(url, ":")
		t.answer.Open = []wit.OpenConnection{{Connection: "irc", Transport: wit.Transport(transport), URL: url}}
		t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnecting}
	case wit.EventKindOpened:
		t.say("CAP REQ :"+capabilities, "NICK "+nick, "USER "+nick+" 0 * :"+nick)
		t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnecting}
	case wit.EventKindClosed:
		t.state.in = false // sends wait until it is in again
	case wit.EventKindMessage:
		if event.Message.Text != nil {
			t.heard(parse(*event.Message.Text), nick)
		}
	default:
		return nil, nil
	}
	t.answer.State = t.state.json()
	return &t.answer, nil
}

// say sends lines.
func (t *turn) say(lines ...string) {
	for _, line := range lines {
		t.answer.Frames = append(t.answer.Frames, wit.Frame{Connection: "irc", Text: &line})
	}
}

// heard does what a line asks for. A line that answers a send of ours has its label.
func (t *turn) heard(line line, nick string) {
	switch {
	case line.command == "PING":
		t.say("PONG :" + line.param(0))
	case line.command == "CAP" && line.param(1) == "ACK":
		t.say("CAP END")
	case line.command == "CAP" && line.param(1) == "NAK":
		t.failed("the server cannot say what became of a message: use one with " + capabilities)
	case line.command == "433":
		t.failed("somebody has the nick " + nick + ": choose another")
	case line.command == "001":
		t.state.in = true
		t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected, Self: &wit.Person{ID: nick}}
		for room := range t.account.Get("rooms").Items() {
			t.say("JOIN " + room.Text())
		}
	case line.label != "" && line.command == "PRIVMSG":
		t.answer.Confirmed = []wit.Confirmation{{Token: line.label, IDs: []string{line.label}}}
	case line.label != "" && line.command >= "400" && line.command <= "599":
		t.answer.Confirmed = []wit.Confirmation{{Token: line.label, Error: &wit.Error{
			Code: wit.CodeInvalid, Message: "the server did not take it: " + line.param(len(line.params)-1)}}}
	case line.command == "PRIVMSG" && line.from != nick:
		t.state.count++
		t.answer.Messages = []wit.Message{message(line, nick, t.state.count)}
	}
}

func (t *turn) failed(why string) {
	t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &why}
	t.answer.Close = []string{"irc"}
}

func message(line line, nick string, number int64) wit.Message {
	m := wit.Message{
		ID: strconv.FormatInt(number, 10), Text: line.param(1), Sender: wit.Person{ID: line.from, Name: &line.from},
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: line.from},
	}
	if room := line.param(0); room != nick {
		m.Conversation = wit.Conversation{Kind: wit.ConversationKindGroup, ID: room}
		m.Mentioned = strings.Contains(m.Text, nick)
	}
	return m
}

// Send has the message written on the connection. Its label is what the server's answer will have, and the same for each
// attempt. IRC cannot tell that it has seen a message: one whose answer was lost is said twice.
func (irc) Send(_ *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	if !read(send.State).in {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the account is not on the server now"}
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(send.IdempotencyKey))
	label := strconv.FormatUint(hash.Sum64(), 36)
	text := strings.NewReplacer("\r", "", "\n", " ").Replace(send.Text)
	line := "@label=" + label + " PRIVMSG " + send.To.ID + " :" + text
	return &wit.Sent{Frames: []wit.Frame{{Connection: "irc", Text: &line}}, Awaits: &wit.Awaited{Token: label}}, nil
}

// line is one of IRC's: `@label=x :ann!a@host PRIVMSG #room :hello`.
type line struct {
	label, from, command string
	params               []string
}

func (l line) param(i int) string {
	if i < 0 || i >= len(l.params) {
		return ""
	}
	return l.params[i]
}

func parse(text string) (l line) {
	if tags, rest, ok := strings.Cut(text, " "); ok && strings.HasPrefix(tags, "@") {
		for tag := range strings.SplitSeq(tags[1:], ";") {
			if value, ok := strings.CutPrefix(tag, "label="); ok {
				l.label = value
			}
		}
		text = strings.TrimLeft(rest, " ")
	}
	if source, rest, ok := strings.Cut(text, " "); ok && strings.HasPrefix(source, ":") {
		l.from, _, _ = strings.Cut(source[1:], "!")
		text = rest
	}
	text, last, trailing := strings.Cut(text, " :")
	if words := strings.Fields(text); len(words) > 0 {
		l.command, l.params = words[0], words[1:]
	}
	if trailing {
		l.params = append(l.params, last)
	}
	return l
}

func init() { channel.Register("go-irc", irc{}) }

func main() {}
