package egress_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// word is a part of a text, secret one with its credentials, sized the length of so many parts.
func word(s string) wit.FramePart { return wit.FramePart{Text: &s} }

func secret(s string) wit.FramePart { return wit.FramePart{Text: &s, Fill: true} }

func sized(p wit.LengthPrefix, parts uint32) wit.FramePart {
	return wit.FramePart{Length: &p, Parts: parts}
}

// protocols are logins as binary protocols write them; the credential is `s3"cret`.
var protocols = map[string]struct {
	parts []wit.FramePart
	want  string
}{
	"MQTT, a CONNECT": {[]wit.FramePart{
		{Bytes: []byte{0x10}}, sized(wit.LengthPrefix{Form: wit.LengthFormVarint}, 0), {Bytes: []byte("\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03bot\x00\x02me")},
		sized(wit.LengthPrefix{Form: wit.LengthFormTwoBytes}, 0), secret("{{credential:token}}"),
	}, "\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03bot\x00\x02me\x00\x07s3\"cret"},
	"PostgreSQL, a PasswordMessage": {[]wit.FramePart{
		word("p"), sized(wit.LengthPrefix{Extra: -4}, 0), secret("{{credential:token}}\x00"),
	}, "p\x00\x00\x00\x0cs3\"cret\x00"},
	"MySQL, a clear password": {[]wit.FramePart{
		sized(wit.LengthPrefix{Form: wit.LengthFormThreeBytes, LowFirst: true, Extra: 1}, 0), {Bytes: []byte{3}}, secret("{{credential:token}}\x00"),
	}, "\x08\x00\x00\x03s3\"cret\x00"},
	"AMQP, a Start-Ok": {[]wit.FramePart{
		{Bytes: []byte("\x01\x00\x00")}, sized(wit.LengthPrefix{Extra: 1}, 0), {Bytes: []byte("\x00\x0a\x00\x0b\x00\x00\x00\x00\x05PLAIN")},
		sized(wit.LengthPrefix{}, 1), secret("\x00me\x00{{credential:token}}"), {Bytes: []byte("\x05en_US\xce")},
	}, "\x01\x00\x00\x00\x00\x00\x23\x00\x0a\x00\x0b\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x0b\x00me\x00s3\"cret\x05en_US\xce"},
	"base64, and what is not filled in": {[]wit.FramePart{
		sized(wit.LengthPrefix{Form: wit.LengthFormOneByte}, 2), {Text: new("{{credential:token}}"), Fill: true, Base64: true}, word("{{credential:token}}"), word("."),
	}, "\x20czMiY3JldA=={{credential:token}}."},
	"a file":  {[]wit.FramePart{sized(wit.LengthPrefix{}, 0), {Media: new("small")}, {Media: new("small"), Base64: true}}, "\x00\x00\x00\x0ea fileYSBmaWxl"},
	"nothing": {[]wit.FramePart{sized(wit.LengthPrefix{}, 0)}, "\x00\x00\x00\x00"},
}

// onParts opens a connection to a server of the owner's that takes what is written.
func onParts(t *testing.T, edit func(*egress.Policy)) (conn *egress.Conn, heard <-chan string) {
	n := newNetwork(t)
	took := make(chan string, 1)
	addr := n.talk(func(conn net.Conn) {
		b, _ := io.ReadAll(conn)
		took <- string(b)
	})
	c := egress.New(egress.Config{Dial: n.dial, Media: &files{held: map[string]string{"small": "a file", "large": strings.Repeat("x", 1<<20)}}})
	t.Cleanup(c.Close)
	p := egress.Policy{Owner: "p", Origins: []string{"tcp://" + addr}, Files: true}
	if edit != nil {
		edit(&p)
	}
	return open(t, c, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr, Framing: wit.StreamFramingRaw}), took
}

func TestFrameOfParts(t *testing.T) {
	for name, c := range protocols {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, heard := onParts(t, nil)
				write(t, conn, wit.Frame{Parts: c.parts})
				_ = conn.Close()
				if got := <-heard; got != c.want {
					t.Errorf("the server read\n%q, not\n%q", got, c.want)
				}
			})
		})
	}
}

// TestFrameOfPartsIsRefused: of a frame that cannot be put together nothing is written, and nothing is told of its credentials.
func TestFrameOfPartsIsRefused(t *testing.T) {
	short := wit.LengthPrefix{Form: wit.LengthFormOneByte}
	for name, c := range map[string]struct {
		frame wit.Frame
		want  wit.Code
	}{
		"a credential longer than its length says": {wit.Frame{Parts: []wit.FramePart{sized(short, 0), secret(strings.Repeat("{{credential:token}}", 40))}}, wit.CodeTooLarge},
		"more parts than there are":                {wit.Frame{Parts: []wit.FramePart{sized(short, 2), word("x")}}, wit.CodeInvalid},
		"two things in a part":                     {wit.Frame{Parts: []wit.FramePart{{Text: new("x"), Bytes: []byte("y")}}}, wit.CodeInvalid},
		"parts and a text":                         {wit.Frame{Text: new("x"), Parts: []wit.FramePart{word("y")}}, wit.CodeInvalid},
		"a length with an offset":                  {wit.Frame{Parts: []wit.FramePart{sized(wit.LengthPrefix{Offset: 1}, 0)}}, wit.CodeInvalid},
		"a credential that is not there":           {wit.Frame{Parts: []wit.FramePart{secret("{{credential:none}}")}}, wit.CodeForbidden},
		"too many":                                 {wit.Frame{Parts: make([]wit.FramePart, wit.FramePartsMax+1)}, wit.CodeTooLarge},
		"too much":                                 {wit.Frame{Parts: []wit.FramePart{word(strings.Repeat("x", 1<<20)), word("y")}}, wit.CodeTooLarge},
		"a file and more":                          {wit.Frame{Parts: []wit.FramePart{word("y"), {Media: new("large")}}}, wit.CodeTooLarge},
		"a file that grows":                        {wit.Frame{Parts: []wit.FramePart{{Media: new("large"), Base64: true}}}, wit.CodeTooLarge},
		"a file that is gone":                      {wit.Frame{Parts: []wit.FramePart{{Media: new("gone")}}}, wit.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, heard := onParts(t, nil)
				err := conn.Write(c.frame)
				wantCode(t, err, c.want)
				if strings.Contains(err.Error(), "s3") {
					t.Errorf("the error tells %v", err)
				}
				if got := <-heard; got != "" {
					t.Errorf("the server read %q", got)
				}
			})
		})
	}
	t.Run("a file without the permission", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			conn, _ := onParts(t, func(p *egress.Policy) { p.Files = false })
			wantCode(t, conn.Write(wit.Frame{Parts: []wit.FramePart{{Media: new("small")}}}), wit.CodeForbidden)
		})
	})
	t.Run("once the permission is gone the connection is, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var kept egress.Policy
			conn, _ := onParts(t, func(p *egress.Policy) { kept = *p })
			if err := conn.Permitted(kept); err != nil {
				t.Error(err)
			}
			kept.Files = false
			wantCode(t, conn.Permitted(kept), wit.CodeForbidden)
		})
	})
	t.Run("a credential in plain text", func(t *testing.T) {
		r, p := starttls(t, func(net.Conn) {})
		conn := open(t, r.client, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://example.com:143"})
		wantCode(t, conn.Write(wit.Frame{Parts: []wit.FramePart{secret("{{credential:token}}")}}), wit.CodeForbidden)
	})
	t.Run("on a websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			url := n.socket()
			c, p := n.home(url, egress.Limits{})
			conn := open(t, c, p, wit.OpenConnection{URL: url})
			wantCode(t, conn.Write(wit.Frame{Parts: []wit.FramePart{word("x")}}), wit.CodeInvalid)
		})
	})
}

// TestFrameOfPartsLeaks: what may not be sent is looked for in parts too.
func TestFrameOfPartsLeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		addr := n.talk(func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		c := egress.New(egress.Config{Dial: n.dial, Leaks: func(_, _, text string) error {
			if strings.Contains(text, "the key") {
				return wit.NewError(wit.CodeForbidden, "no")
			}
			return nil
		}})
		t.Cleanup(c.Close)
		conn := open(t, c, egress.Policy{Owner: "p", Origins: []string{"tcp://" + addr}}, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr})
		wantCode(t, conn.Write(wit.Frame{Parts: []wit.FramePart{{Bytes: []byte("all but")}, {Bytes: []byte("the key")}}}), wit.CodeForbidden)
	})
}
