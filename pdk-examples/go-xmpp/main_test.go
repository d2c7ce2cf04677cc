package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"server":"tcp://xmpp.example.org:5222","jid":"bot@example.org"}`

// account plays the kernel: it keeps the state.
type account struct {
	t     *testing.T
	state wit.JSON
}

func (a *account) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	a.t.Helper()
	e.Config, e.State = wit.JSON(config), a.state
	answer, err := xmpp{}.Event(new(sdktest.Host).SDK(), &e)
	if err != nil {
		a.t.Fatal(err)
	}
	a.state = answer.State
	return answer
}

func (a *account) opened(secured bool) *wit.ChannelAnswer {
	a.t.Helper()
	return a.event(wit.ChannelEvent{Kind: wit.EventKindOpened, Opened: &wit.Opened{Secured: secured}})
}

// hears returns the answer to an element.
func (a *account) hears(text string) *wit.ChannelAnswer {
	a.t.Helper()
	return a.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "xmpp", Text: &text}})
}

func (a *account) send() (*wit.Sent, error) {
	return xmpp{}.Send(new(sdktest.Host).SDK(), &wit.ChannelSend{State: a.state, To: wit.Conversation{ID: "ann@example.org"}, Text: "1 < 2", IdempotencyKey: "k1"})
}

const (
	starttls   = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
	mechanisms = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
	bind       = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
)

func TestConversation(t *testing.T) {
	a := &account{t: t}
	opens := a.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open
	if len(opens) != 1 || opens[0].Framing != wit.StreamFramingElements || opens[0].Transport != wit.TransportTCP || opens[0].Validate() != nil {
		t.Fatalf("it opens %+v", opens)
	}
	a.opened(false)
	if said := a.hears(starttls).Frames; len(said) != 1 || *said[0].Text != "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" {
		t.Errorf("it says %+v", said)
	}
	if secure := a.hears("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").Secure; len(secure) != 1 || secure[0] != "xmpp" {
		t.Errorf("it secures %q", secure)
	}
	a.opened(true)
	login := a.hears(mechanisms).Frames
	if len(login) != 1 || len(login[0].Parts) != 3 || *login[0].Parts[1].Text != "\x00bot\x00{{credential:password}}" || !login[0].Parts[1].Fill || !login[0].Parts[1].Base64 {
		t.Errorf("it logs in with %+v", login)
	}
	if _, err := a.send(); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("before the server has let it in: %v", err)
	}
	a.hears("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	a.hears(bind)
	if status := a.hears("<iq type='result' id='bind'/>").Status; status == nil || status.State != wit.ConnectionStateConnected {
		t.Errorf("it is %+v", status)
	}
	in := a.hears("<message from='ann@example.org/phone' type='chat' id='m1'><body>2 &gt; 1</body></message>").Messages
	if len(in) != 1 || in[0].Text != "2 > 1" || in[0].Sender.ID != "ann@example.org" {
		t.Errorf("it takes in %+v", in)
	}
	sent, err := a.send()
	if err != nil || sent.Awaits == nil || len(sent.Frames) != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	id := sent.Awaits.Token
	if want := "<message type='chat' to='ann@example.org' id='" + id + "'><body>1 &lt; 2</body></message><iq type='get' id='" + id + "'><ping xmlns='urn:xmpp:ping'/></iq>"; *sent.Frames[0].Text != want {
		t.Errorf("it says %s", *sent.Frames[0].Text)
	}
	if c := a.hears("<iq type='result' id='" + id + "'/>").Confirmed; len(c) != 1 || c[0].Token != id || c[0].Error != nil {
		t.Errorf("the ping confirms %+v", c)
	}
	if c := a.hears("<message type='error' id='" + id + "'><error/></message>").Confirmed; len(c) != 1 || c[0].Error == nil {
		t.Errorf("the refusal confirms %+v", c)
	}
	a.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if _, err := a.send(); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("after the connection has ended: %v", err)
	}
}

// TestNoPasswordInPlainText: neither where the server does not encrypt, nor where it asks for the password before.
func TestNoPasswordInPlainText(t *testing.T) {
	for _, features := range []string{mechanisms, bind, "<stream:features/>"} {
		a := &account{t: t}
		a.opened(false)
		if answer := a.hears(features); len(answer.Frames) > 0 || len(answer.Close) != 1 || answer.Status.State != wit.ConnectionStateFailed {
			t.Errorf("to %s it answers %+v", features, answer)
		}
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, xmpp{}, "testdata/*.jsonl") }
