package main

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"server":"tls://irc.example.org:6697","nick":"bot","rooms":["#home"]}`

// account plays the kernel: it keeps the state.
type account struct {
	t     *testing.T
	state wit.JSON
}

func (a *account) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	a.t.Helper()
	e.Config, e.State = wit.JSON(config), a.state
	answer, err := irc{}.Event(new(sdktest.Host).SDK(), &e)
	if err != nil {
		a.t.Fatal(err)
	}
	a.state = answer.State
	return answer
}

// hears returns the answer to a line.
func (a *account) hears(line string) *wit.ChannelAnswer {
	a.t.Helper()
	return a.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "irc", Text: &line}})
}

func (a *account) send(to, text string) (*wit.Sent, error) {
	return irc{}.Send(new(sdktest.Host).SDK(), &wit.ChannelSend{
		Config: wit.JSON(config), State: a.state, To: wit.Conversation{ID: to}, Text: text, IdempotencyKey: "k1",
	})
}

// lines are the frames of an answer.
func lines(frames []wit.Frame) string {
	var list []string
	for _, f := range frames {
		list = append(list, *f.Text)
	}
	return strings.Join(list, "\n")
}

func TestConversation(t *testing.T) {
	a := &account{t: t}
	opens := a.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open
	if len(opens) != 1 || opens[0].Transport != wit.TransportTLS {
		t.Fatalf("it opens %+v", opens)
	}
	if got := lines(a.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames); !strings.HasSuffix(got, "NICK bot\nUSER bot 0 * :bot") {
		t.Errorf("it says %q", got)
	}
	if _, err := a.send("#home", "early"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("before the server has let it in: %v", err)
	}
	for line, want := range map[string]string{
		":irc CAP * ACK :echo-message labeled-response": "CAP END",
		":irc 001 bot :Welcome":                         "JOIN #home",
		"PING :42":                                      "PONG :42",
	} {
		if got := lines(a.hears(line).Frames); got != want {
			t.Errorf("%s: it says %q", line, got)
		}
	}
	sent, err := a.send("#home", "two\r\nlines")
	if err != nil || sent.Awaits == nil || lines(sent.Frames) != "@label="+sent.Awaits.Token+" PRIVMSG #home :two lines" {
		t.Fatalf("%+v, %v", sent, err)
	}
	echo := a.hears("@msgid=7;label=" + sent.Awaits.Token + " :bot!b@host PRIVMSG #home :two lines")
	if len(echo.Confirmed) != 1 || echo.Confirmed[0].Token != sent.Awaits.Token || echo.Confirmed[0].Error != nil || len(echo.Messages) != 0 {
		t.Errorf("the echo: %+v", echo)
	}
	refused := a.hears("@label=x :irc 404 bot #home :Cannot send to channel")
	if len(refused.Confirmed) != 1 || refused.Confirmed[0].Error == nil {
		t.Errorf("the refusal: %+v", refused)
	}
	for i, line := range []string{":ann!a@host PRIVMSG #home :bot: hello", ":ann!a@host PRIVMSG bot :hello"} {
		m := a.hears(line).Messages
		if len(m) != 1 || m[0].Sender.ID != "ann" || m[0].Mentioned != (i == 0) || m[0].Conversation.ID != []string{"#home", "ann"}[i] {
			t.Errorf("%s: %+v", line, m)
		}
	}
	a.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if _, err := a.send("#home", "late"); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("after the connection has ended: %v", err)
	}
}

func TestAnyLine(t *testing.T) {
	a := &account{t: t}
	for _, line := range []string{"", " ", ":", "@", "@label", "@label= :x", ": :", "PRIVMSG", ":ann PRIVMSG", "CAP", "CAP * NAK", "433", strings.Repeat("x ", 30_000)} {
		a.hears(line)
	}
	answer := a.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Bytes: []byte{0xff}}})
	if err := answer.Validate(); err != nil {
		t.Error(err)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, irc{}, "testdata/*.jsonl") }
