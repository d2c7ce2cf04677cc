// Command go-smtp is a plugin that sends mail: a channel whose sends are a dialogue with a server, on a socket that lasts
// as long as the call.
package main

import (
	"encoding/base64"
	"hash/fnv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

type mail struct{}

// Event has nothing to keep: each send has a socket of its own.
func (mail) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	if event.Kind != wit.EventKindStart {
		return nil, nil
	}
	return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected}}, nil
}

// Send hands a mail to the server. Its Message-ID is the same for each attempt, so who gets it twice can tell: a mail
// whose acceptance was lost is sent again.
func (mail) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	account, _ := json.Parse(send.Config) // the kernel has checked it
	from, to, url := account.Get("from").Text(), send.To.ID, account.Get("server").Text()
	if !address(from) || !address(to) {
		return nil, wit.NewError(wit.CodeInvalid, "a mail goes from and to an address such as ann@example.org")
	}
	socket, err := host.Dial(url)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	d := &dialogue{socket: socket}
	d.expect("220")
	offers := d.say("EHLO carapace", "250")
	if strings.HasPrefix(url, "tcp:") && strings.Contains(offers, "STARTTLS") {
		d.say("STARTTLS", "220")
		d.do(socket.StartTLS)
		d.say("EHLO carapace", "250")
	}
	if user := account.Get("user").Text(); user != "" {
		d.login(user)
	}
	id := messageID(send.IdempotencyKey, from)
	d.say("MAIL FROM:<"+from+">", "250")
	d.say("RCPT TO:<"+to+">", "25")
	d.say("DATA", "354")
	if d.err != nil {
		return nil, d.err
	}
	// From here on the server may take it, whatever comes of the answer.
	d.say(letter(from, to, id, send.Text)+"\r\n.", "250")
	if d.err != nil && d.reply == "" {
		return nil, wit.NewError(wit.CodeTimeout, "the server did not say whether it took the mail: "+d.err.Error())
	}
	return &wit.Sent{IDs: []string{id}}, d.err
}

// dialogue is one with a server. After an error it does nothing any more.
type dialogue struct {
	socket *sdk.Socket
	reply  string // the last one, all lines of it; empty while none has come
	err    error
}

func (d *dialogue) do(step func() error) {
	if d.err == nil {
		d.err = step()
	}
}

// say says a line and returns the reply, which has to begin with code.
func (d *dialogue) say(line, code string) string {
	d.reply = ""
	d.do(func() error {
		_, err := d.socket.Write([]byte(line + "\r\n"))
		return err
	})
	return d.expect(code)
}

// login says a password, which is put in beyond the gateway's boundary and never in plain text on a public network.
func (d *dialogue) login(user string) {
	d.do(func() error { _, err := d.socket.Write([]byte("AUTH PLAIN ")); return err })
	d.do(func() error { return d.socket.FillBase64("\x00" + user + "\x00{{credential:password}}") })
	d.say("", "235")
}

// maxReply bounds the lines of a reply.
const maxReply = 100

// expect reads a reply: lines with a code, of which all but the last have a hyphen behind it.
func (d *dialogue) expect(code string) string {
	var lines []string
	for more := true; more && d.err == nil; {
		var line string
		if line, d.err = d.socket.Line(); d.err != nil {
			return ""
		}
		lines = append(lines, line)
		more = len(line) > 3 && line[3] == '-' && len(lines) < maxReply
	}
	if d.err != nil {
		return ""
	}
	d.reply = strings.Join(lines, "\n")
	if !strings.HasPrefix(d.reply, code) {
		d.err = refusal(d.reply)
	}
	return d.reply
}

// refusal is what a reply means that is not the expected one: 4… may pass, 5… will not.
func refusal(reply string) error {
	e := &wit.Error{Code: wit.CodeInvalid, Message: "the mail server says " + reply}
	switch {
	case strings.HasPrefix(reply, "535"):
		e.Code, e.Retryable = wit.CodeUnauthorized, true
	case !strings.HasPrefix(reply, "5"):
		e.Code, e.Retryable = wit.CodeUnavailable, true
	}
	return e
}

// address reports whether a text can stand between < and > as one.
func address(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	return ok && name != "" && host != "" && len(s) <= 254 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' })
}

func messageID(key, from string) string {
	hash := fnv.New128a()
	_, _ = hash.Write([]byte(key))
	_, host, _ := strings.Cut(from, "@")
	return "<" + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)) + "@" + host + ">"
}

// letter is a mail, whose text is in base64: so no line of it is too long, or begins with a dot.
func letter(from, to, id, text string) string {
	lines := []string{
		"From: <" + from + ">", "To: <" + to + ">", "Subject: From your assistant",
		"Date: " + time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000"), "Message-ID: " + id, "MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "",
	}
	for body := base64.StdEncoding.EncodeToString([]byte(text)); body != ""; {
		n := min(len(body), 76)
		lines, body = append(lines, body[:n]), body[n:]
	}
	return strings.Join(lines, "\r\n")
}

func init() { channel.Register("go-smtp", mail{}) }

func main() {}
