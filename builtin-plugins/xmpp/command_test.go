package xmpp_test

import (
	"context"
	"encoding/xml"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mellium.im/xmpp"
	"mellium.im/xmpp/commands"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"
	"mellium.im/xmpp/stream"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/wit"
)

// TestCommands: a program lists what the gateway understands, and what somebody picks there is said in his chat.
func TestCommands(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	b := in(t)
	const head, tail = "<iq type='%' id='a-long-enough-id' from='Ann@people.example/phone' to='bot@example.org/carapace'>", "</iq>"
	ask := func(kind, inside string) *wit.ChannelAnswer {
		return b.hears(strings.Replace(head, "%", kind, 1) + inside + tail)
	}
	if got := said(ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>").Frames); !strings.Contains(got, "<feature var='http://jabber.org/protocol/commands'/>") {
		t.Errorf("it has no commands: %s", got)
	}
	for inside, want := range map[string]string{
		"<query xmlns='http://jabber.org/protocol/disco#info' node='http://jabber.org/protocol/commands'/>": "type='command-list'",
		"<query xmlns='http://jabber.org/protocol/disco#info' node='status'/>":                              "type='command-node'",
		"<query xmlns='http://jabber.org/protocol/disco#info' node='nothing'/>":                             "item-not-found",
		"<query xmlns='http://jabber.org/protocol/disco#items'/>":                                           "<query xmlns='http://jabber.org/protocol/disco#items'/>",
		"<command xmlns='http://jabber.org/protocol/commands' node='status'/>":                              "item-not-found", // nobody asks for it, who has to set it
	} {
		if got := said(ask("get", inside).Frames); !strings.Contains(got, want) {
			t.Errorf("%s: %s", inside, got)
		}
	}
	a := ask("set", "<command xmlns='http://jabber.org/protocol/commands' node='status' action='execute'/>")
	if got := said(a.Frames); !strings.Contains(got, "status='completed'") || !strings.Contains(got, "<note type='info'>The answer comes in the chat.</note>") {
		t.Error(got)
	}
	if len(a.Messages) != 1 {
		t.Fatalf("%+v", a.Messages)
	}
	if m := a.Messages[0]; m.ID != "a-long-enough-id" || m.Text != "/status" || m.Conversation.ID != "ann@people.example" || m.Sender.ID != "ann@people.example" || !m.Mentioned {
		t.Errorf("%+v", m)
	}
	for inside, want := range map[string]string{
		"<command xmlns='http://jabber.org/protocol/commands' node='nothing'/>":                           "item-not-found",
		"<command xmlns='http://jabber.org/protocol/commands' node='new' sessionid='s' action='cancel'/>": "sessionid='s' status='canceled'",
	} {
		if a := ask("set", inside); len(a.Messages) != 0 || !strings.Contains(said(a.Frames), want) {
			t.Errorf("%s: %s, %+v", inside, said(a.Frames), a.Messages)
		}
	}
	for _, from := range []string{"home@rooms.example.org", "bot@example.org/other", "example.org"} {
		if a := b.hears("<iq type='set' id='x' from='" + from + "'><command xmlns='http://jabber.org/protocol/commands' node='new'/></iq>"); len(a.Messages) != 0 {
			t.Errorf("%s has said %+v", from, a.Messages)
		}
	}
}

// TestALibraryRunsCommands: a library that people write programs with reads the bot's list, and its answer.
func TestALibraryRunsCommands(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := in(t)
	session, heard := library(t, ctx, b)
	list := commands.Fetch(ctx, jid.MustParse("bot@example.org/carapace"), session)
	var all []commands.Command
	for list.Next() {
		all = append(all, list.Command())
	}
	if err := list.Err(); err != nil || len(all) != len(menu.Default()) || list.Close() != nil {
		t.Fatalf("%v: %+v", err, all)
	}
	for i, c := range menu.Default() {
		if all[i].Node != c.Name || all[i].Name != "/"+c.Name+": "+c.About {
			t.Errorf("%+v", all[i])
		}
	}
	answer, note, err := all[0].Execute(ctx, nil, session)
	if err != nil || answer.Status != "completed" || answer.SID == "" || answer.Node != all[0].Node {
		t.Fatalf("%+v: %v", answer, err)
	}
	if err := note.Close(); err != nil {
		t.Error(err)
	}
	if m := <-heard; m.Text != "/"+all[0].Node || m.Conversation.ID != "ann@people.example" {
		t.Errorf("%+v", m)
	}
}

// library is a session of the library's, whose questions the bot is handed as a server would; heard is what comes of them.
func library(t *testing.T, ctx context.Context, b *bot) (*xmpp.Session, <-chan wit.Message) {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	ready := func(_ context.Context, in, out *stream.Info, _ *xmpp.Session, _ any) (xmpp.SessionState, io.ReadWriter, any, error) {
		in.XMLNS, out.XMLNS = stanza.NSClient, stanza.NSClient
		return xmpp.Ready | xmpp.Secure | xmpp.Authn, nil, nil, nil
	}
	session, err := xmpp.NewSession(ctx, jid.MustParse("people.example"), jid.MustParse("ann@people.example/phone"), here, 0, ready)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = session.Serve(nil) }()
	heard := make(chan wit.Message, 16)
	go func() {
		d := xml.NewDecoder(there)
		for {
			var question struct {
				Attrs  []xml.Attr `xml:",any,attr"`
				Inside string     `xml:",innerxml"`
			}
			if d.Decode(&question) != nil {
				return
			}
			start := xml.StartElement{Name: xml.Name{Local: "iq"}, Attr: append(question.Attrs, xml.Attr{Name: xml.Name{Local: "from"}, Value: "ann@people.example/phone"})}
			var whole strings.Builder
			e := xml.NewEncoder(&whole)
			_ = e.EncodeToken(start)
			_ = e.Flush()
			a := b.hears(whole.String() + question.Inside + "</iq>")
			if _, err := there.Write([]byte(strings.Replace(said(a.Frames), "<iq ", "<iq xmlns='jabber:client' from='bot@example.org/carapace' ", 1))); err != nil {
				return
			}
			for _, m := range a.Messages {
				heard <- m
			}
		}
	}()
	return session, heard
}
