// Command go-xmpp is a plugin that is on XMPP (RFC 6120): a channel over a stream of XML, which the kernel cuts into elements.
// The connection begins in plain text and goes on encrypted before the password goes over it. Its sends wait for the answer
// to a ping behind them: the server has taken the message by then.
package main

import (
	"encoding/xml"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type xmpp struct{}

// state is what an account knows: whether its connection is encrypted, and whether the server has let it in.
type state struct{ secured, in bool }

func read(data wit.JSON) state {
	value, _ := json.Parse(data) // there is none at first
	return state{value.Get("secured").Bool(), value.Get("in").Bool()}
}

func (s state) json() wit.JSON {
	return json.Object{}.Bool("secured", s.secured).Bool("in", s.in).JSON()
}

// turn is the handling of one event.
type turn struct {
	user, domain string
	state        state
	answer       wit.ChannelAnswer
}

// Event keeps the connection.
func (xmpp) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	account, _ := json.Parse(event.Config) // the kernel has checked it
	t := turn{state: read(event.State)}
	t.user, t.domain, _ = strings.Cut(account.Get("jid").Text(), "@")
	switch event.Kind {
	case wit.EventKindStart:
		t.state = state{}
		url := account.Get("server").Text()
		transport, _, _ := strings.Cut(url, ":")
		t.answer.Open = []wit.OpenConnection{{Connection: "xmpp", Transport: wit.Transport(transport), URL: url,
			Framing: wit.StreamFramingElements}}
		t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnecting}
	case wit.EventKindOpened: // and once more when it goes on encrypted
		t.state = state{secured: event.Opened != nil && event.Opened.Secured}
		t.begin()
	case wit.EventKindClosed:
		t.state = state{} // sends wait until it is in again
		t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateDisconnected, Message: &event.Closed.Reason}
	case wit.EventKindMessage:
		if event.Message.Text != nil {
			t.heard(parse(*event.Message.Text))
		}
	default:
		return nil, nil
	}
	t.answer.State = t.state.json()
	return &t.answer, nil
}

// begin begins a stream: on a new connection, when that is encrypted, and after the login.
func (t *turn) begin() {
	t.say("<?xml version='1.0'?><stream:stream to='" + t.domain + "' version='1.0' xmlns='jabber:client'" +
		" xmlns:stream='http://etherx.jabber.org/streams'>")
}

// heard does what an element asks for.
func (t *turn) heard(e element) {
	switch name := e.XMLName.Local; {
	case name == "features":
		t.goOn(e)
	case name == "proceed":
		t.answer.Secure = []string{"xmpp"}
	case name == "success":
		t.begin()
	case name == "failure":
		t.failed(wit.ConnectionStateNeedsLogin, "the server does not take the password: set another")
	case name == "iq" && e.ID == "bind" && e.Type == "result":
		t.state.in = true
		t.say("<presence/>")
		t.answer.Status = &wit.AccountStatus{State: wit.ConnectionStateConnected}
	case name == "iq" && e.ID != "" && e.Type != "get" && e.Type != "set": // an error too: the server has come to the ping
		t.answer.Confirmed = []wit.Confirmation{{Token: e.ID}}
	case name == "message" && e.ID != "" && e.Type == "error":
		t.answer.Confirmed = []wit.Confirmation{{Token: e.ID, Error: wit.NewError(wit.CodeInvalid,
			"the server did not take it: there may be nobody of that address")}}
	case name == "message" && e.ID != "" && e.From != "" && e.Body != "":
		t.answer.Messages = []wit.Message{e.message()}
	}
}

// goOn takes the next step of those that the server offers. The password goes over an encrypted connection only.
func (t *turn) goOn(offers element) {
	switch {
	case !t.state.secured && offers.StartTLS != nil:
		t.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	case !t.state.secured:
		t.failed(wit.ConnectionStateFailed, "the server does not go on encrypted: use another")
	case slices.Contains(offers.Mechanisms, "PLAIN"):
		t.answer.Frames = append(t.answer.Frames, wit.Frame{Connection: "xmpp", Parts: []wit.FramePart{
			{Text: new("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>")},
			{Text: new("\x00" + t.user + "\x00{{credential:password}}"), Fill: true, Base64: true},
			{Text: new("</auth>")},
		}})
	case offers.Bind != nil:
		t.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	}
}

func (t *turn) say(text string) {
	t.answer.Frames = append(t.answer.Frames, wit.Frame{Connection: "xmpp", Text: &text})
}

func (t *turn) failed(state wit.ConnectionState, why string) {
	t.answer.Status = &wit.AccountStatus{State: state, Message: &why}
	t.answer.Close = []string{"xmpp"}
}

// Send has the message written on the connection, and a ping behind it, whose id is the same for each attempt. XMPP cannot tell
// that it has seen a message: one whose answer was lost is said twice.
func (xmpp) Send(_ *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	if !read(send.State).in {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the account is not on the server now"}
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(send.IdempotencyKey))
	id := strconv.FormatUint(hash.Sum64(), 36)
	text := "<message type='chat' to='" + escape(send.To.ID) + "' id='" + id + "'><body>" + escape(send.Text) + "</body></message>" +
		"<iq type='get' id='" + id + "'><ping xmlns='urn:xmpp:ping'/></iq>"
	return &wit.Sent{IDs: []string{id}, Frames: []wit.Frame{{Connection: "xmpp", Text: &text}}, Awaits: &wit.Awaited{Token: id}}, nil
}

// element is one of the stream, with all that is read of any.
type element struct {
	XMLName    xml.Name
	From       string    `xml:"from,attr"`
	ID         string    `xml:"id,attr"`
	Type       string    `xml:"type,attr"`
	Body       string    `xml:"body"`
	StartTLS   *struct{} `xml:"starttls"`
	Mechanisms []string  `xml:"mechanisms>mechanism"`
	Bind       *struct{} `xml:"bind"`
}

// parse reads an element. One that cannot be read has no name; so have the tags of the stream itself.
func parse(text string) element {
	var e element
	if err := xml.Unmarshal([]byte(text), &e); err != nil {
		return element{}
	}
	return e
}

// message is what somebody says, from whichever of his devices. Ids are those of the sender's.
func (e element) message() wit.Message {
	from, _, _ := strings.Cut(e.From, "/")
	return wit.Message{ID: e.From + " " + e.ID, Text: e.Body, Sender: wit.Person{ID: from},
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: from}}
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

func init() { channel.Register("go-xmpp", xmpp{}) }

func main() {}
