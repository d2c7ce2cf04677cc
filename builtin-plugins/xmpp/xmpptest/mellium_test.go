package xmpptest_test

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/disco"
	"mellium.im/xmpp/history"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/mux"
	"mellium.im/xmpp/ping"
	"mellium.im/xmpp/stanza"
	"mellium.im/xmpp/upload"

	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp/xmpptest"
)

// patience only bounds a test that fails.
const patience = time.Minute

// message is what the library hears.
type message struct {
	stanza.Message
	Body string `xml:"body"`
}

// join is what asks for a room. The library's own package for rooms has a race.
type join struct {
	stanza.Presence
	Room struct {
		Password string `xml:"password"`
	} `xml:"http://jabber.org/protocol/muc x"`
}

// login connects the library, with a password.
func login(t *testing.T, ctx context.Context, password string, mechanism sasl.Mechanism) (*xmpptest.Server, *xmpp.Session, error) {
	t.Helper()
	borrowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	s, err := xmpptest.Listen(xmpptest.Config{Accounts: map[string]string{"lib": "pw"}, TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	trust := &tls.Config{RootCAs: borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}
	session, err := xmpp.NewClientSession(ctx, jid.MustParse("lib@"+xmpptest.Domain+"/lib"), conn, xmpp.StartTLS(trust), xmpp.SASL("", password, mechanism), xmpp.BindResource())
	return s, session, err
}

// TestClientLibrary: a library that people write programs with takes the server for one of XMPP's: it goes on encrypted, logs in, speaks,
// hears, reads the archive, joins a room, and gets a place for a file.
func TestClientLibrary(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, session, err := login(t, ctx, "pw", sasl.Plain)
	if err != nil || s.Logins() != 1 || !slices.Contains(s.Accounts(), session.LocalAddr().String()) {
		t.Fatalf("%v, %d logins, %q is %s", err, s.Logins(), s.Accounts(), session.LocalAddr())
	}
	heard := make(chan message, 16)
	listen := func(_ stanza.Message, r xmlstream.TokenReadEncoder) error {
		m := message{}
		err := xml.NewTokenDecoder(r).Decode(&m)
		heard <- m
		return err
	}
	go func() {
		_ = session.Serve(mux.New(stanza.NSClient,
			mux.MessageFunc(stanza.ChatMessage, xml.Name{Local: "body"}, listen), mux.MessageFunc(stanza.GroupChatMessage, xml.Name{Local: "body"}, listen)))
	}()
	hears := func(from, body string) {
		t.Helper()
		select {
		case m := <-heard:
			if m.From.String() != from || m.Body != body {
				t.Errorf("it hears %q from %s", m.Body, m.From)
			}
		case <-ctx.Done():
			t.Fatalf("it does not hear %q", body)
		}
	}
	if err := session.Send(ctx, stanza.Presence{}.Wrap(nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(ctx, func() bool { return s.Here("lib@" + xmpptest.Domain) }); err != nil {
		t.Fatal(err)
	}
	s.Say("ann@people.test/phone", "lib@"+xmpptest.Domain, "hello <lib>")
	hears("ann@people.test/phone", "hello <lib>")
	if err := session.Encode(ctx, message{Message: stanza.Message{To: jid.MustParse("ann@people.test"), Type: stanza.ChatMessage}, Body: "hello ann"}); err != nil {
		t.Fatal(err)
	}
	said := func() bool {
		return slices.ContainsFunc(s.Said(), func(m xmpptest.Message) bool { return m.To == "ann@people.test" && m.Text == "hello ann" })
	}
	if err := s.Wait(ctx, said); err != nil {
		t.Fatal(err)
	}
	if err := ping.Send(ctx, session, jid.MustParse(xmpptest.Domain)); err != nil {
		t.Error(err)
	}
	if result, err := history.Fetch(ctx, history.Query{Limit: 50}, jid.JID{}, session); err != nil || !result.Complete {
		t.Errorf("the archive: %+v, %v", result, err)
	}
	if info, err := disco.GetInfo(ctx, "", jid.MustParse(xmpptest.Upload), session); err != nil || len(info.Features) != 1 || info.Features[0].Var != upload.NS {
		t.Errorf("the place for files: %+v, %v", info, err)
	}
	if slot, err := upload.GetSlot(ctx, upload.File{Name: "a.txt", Size: 3, Type: "text/plain"}, jid.MustParse(xmpptest.Upload), session); err != nil || !strings.HasPrefix(slot.PutURL.String(), s.Files()) || slot.Header.Get("Authorization") == "" {
		t.Errorf("a place for a file: %+v, %v", slot, err)
	}
	room := "home@" + xmpptest.Rooms
	s.Rules(room, "sesame", false, false)
	asks := join{Presence: stanza.Presence{To: jid.MustParse(room + "/lib")}}
	asks.Room.Password = "sesame"
	if err := session.Encode(ctx, asks); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(ctx, func() bool { return s.In(room, "lib") }); err != nil {
		t.Fatalf("the room: %v", err)
	}
	s.Say("ann@people.test/phone", room, "in the room")
	hears(room+"/ann", "in the room")
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Wait(ctx, func() bool { return len(s.Accounts()) == 0 && !s.In(room, "lib") }); err != nil {
		t.Errorf("it stays: %v", err)
	}
}

// TestLoginByScram: the library proves that it knows the password, and the server that it does too.
func TestLoginByScram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, mechanism := range []sasl.Mechanism{sasl.ScramSha256, sasl.ScramSha1} {
		if s, _, err := login(t, ctx, "pw", mechanism); err != nil || s.Logins() != 1 {
			t.Errorf("%s: %v", mechanism.Name, err)
		}
	}
}

// TestRefusedLogin: what the server refuses, the library understands.
func TestRefusedLogin(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, mechanism := range []sasl.Mechanism{sasl.Plain, sasl.ScramSha256, sasl.ScramSha1} {
		if _, _, err := login(t, ctx, "wrong", mechanism); err == nil || !strings.Contains(err.Error(), "not-authorized") {
			t.Errorf("%s, a wrong password: %v", mechanism.Name, err)
		}
	}
}
