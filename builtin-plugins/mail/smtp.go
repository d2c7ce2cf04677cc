package mail

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// hand gives a mail to the server.
func hand(host *sdk.Host, s *settings, l *outgoing) error {
	socket, err := host.Dial(s.smtp)
	if err != nil {
		return err
	}
	defer socket.Close()
	d := &dialogue{socket: socket}
	_, domain, _ := strings.Cut(s.address, "@")
	d.expect("220")
	offers := d.say("EHLO "+domain, "250")
	if strings.HasPrefix(s.smtp, "tcp:") && offersOf(offers, "STARTTLS") {
		d.say("STARTTLS", "220")
		d.do(socket.StartTLS)
		offers = d.say("EHLO "+domain, "250")
	}
	if offersOf(offers, "AUTH") {
		d.login(host, s, offers)
	}
	l.leaveOut(host, sizeOf(offers))
	size := ""
	if offersOf(offers, "SIZE") {
		size = " SIZE=" + decimal(l.size())
	}
	d.say("MAIL FROM:<"+l.from+">"+size, "250")
	d.say("RCPT TO:<"+l.to+">", "25")
	for _, to := range l.cc {
		d.also(host, to)
	}
	d.say("DATA", "354")
	if d.err != nil {
		return d.err
	}
	// From here on the server may take it, whatever comes of the answer.
	d.write(l.head())
	d.writeBody(l)
	d.say(".", "250")
	if d.err != nil && d.reply == "" {
		return wit.NewError(wit.CodeTimeout, "the mail server did not say whether it took the mail: "+d.err.Error())
	}
	if d.err == nil {
		d.say("QUIT", "221")
		d.err = nil
	}
	return d.err
}

// offersOf reports whether a server has an extension: a line of its answer to EHLO begins with its name.
func offersOf(reply, name string) bool {
	for line := range strings.SplitSeq(strings.ToUpper(reply), "\n") {
		if len(line) > 4 {
			if word, _, _ := strings.Cut(strings.ReplaceAll(line[4:], "=", " "), " "); word == name {
				return true
			}
		}
	}
	return false
}

// sizeOf is how large a mail a server takes, in bytes (RFC 1870), maxMail where it does not say or takes more.
func sizeOf(offers string) int64 {
	for line := range strings.SplitSeq(strings.ToUpper(offers), "\n") {
		if text, ok := strings.CutPrefix(line[min(4, len(line)):], "SIZE "); ok && number(text) > 0 {
			return min(number(text), maxMail)
		}
	}
	return maxMail
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

func (d *dialogue) write(text string) {
	d.do(func() error {
		_, err := d.socket.Write([]byte(text))
		return err
	})
}

// writeBody writes what follows the head of a mail: its text, and its files.
func (d *dialogue) writeBody(l *outgoing) {
	if len(l.files) == 0 {
		d.write(l.body())
		return
	}
	text, heads, end := l.parts()
	d.write(text)
	for i, head := range heads {
		d.write(head)
		d.do(func() error { return d.socket.WriteFile(l.files[i].media, true) })
	}
	d.write(end)
}

// say says a line and returns the reply, which has to begin with code.
func (d *dialogue) say(line, code string) string {
	d.reply = ""
	d.write(line + "\r\n")
	return d.expect(code)
}

// also names one more recipient. One that the server refuses does not hold up the others.
func (d *dialogue) also(host *sdk.Host, to string) {
	d.say("RCPT TO:<"+to+">", "25")
	if d.err != nil && d.reply != "" {
		host.Warn("mail: a mail goes without a copy to " + to + ": " + d.err.Error())
		d.err = nil
	}
}

// login logs in, by the credential that is put in beyond the gateway's boundary (RFC 4954). A password goes with the command; an
// access token may be too long for that.
func (d *dialogue) login(host *sdk.Host, s *settings, offers string) {
	mechanism := s.mechanism(func(m string) bool { return m == plainText || offersWay(offers, m) })
	switch mechanism {
	case "":
		d.do(errNoToken)
		return
	case plainText:
		d.write("AUTH PLAIN ")
	default:
		d.say("AUTH "+mechanism, "334")
	}
	d.do(func() error { return d.socket.FillBase64(s.proof(mechanism)) })
	if d.say("", ""); d.err == nil && strings.HasPrefix(d.reply, "334") {
		d.say(yield(mechanism), "")
	}
	switch {
	case d.err != nil || strings.HasPrefix(d.reply, "235"):
	case strings.HasPrefix(d.reply, "5") && s.renews(host, ""):
		d.err = errRenewed()
	case s.oauth && strings.HasPrefix(d.reply, "5"):
		d.err = &wit.Error{Code: wit.CodeUnauthorized, Message: s.notTaken() + " (" + d.reply[:min(len(d.reply), 300)] + ")", Retryable: true}
	default:
		d.err = smtpRefusal(d.reply)
	}
}

// offersWay reports whether a server's answer to EHLO has a way of logging in.
func offersWay(reply, mechanism string) bool {
	for line := range strings.SplitSeq(strings.ToUpper(reply), "\n") {
		words := strings.Fields(strings.ReplaceAll(line[min(4, len(line)):], "=", " "))
		if len(words) > 0 && words[0] == "AUTH" && slices.Contains(words, mechanism) {
			return true
		}
	}
	return false
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
		d.err = smtpRefusal(d.reply)
	}
	return d.reply
}

// refusals are the codes of the contract for a server's reply codes and enhanced codes (RFC 3463); the longest that fits counts.
var refusals = []struct {
	begins string
	code   wit.Code
	hint   string
}{
	{"550 5.1.", wit.CodeNotFound, "there is no such mailbox"},
	{"550 5.7.", wit.CodeForbidden, "the mail server does not let the mail through"},
	{"552", wit.CodeTooLarge, "the mail is too large, or the mailbox is full"},
	{"554 5.7.", wit.CodeForbidden, "the mail server does not let the mail through"},
	{"535", wit.CodeUnauthorized, "give the password again with `carapace setup mail`"},
	{"530", wit.CodeUnauthorized, "the mail server wants a login: use port 465 with tls:// or port 587 with tcp://"},
}

// smtpRefusal is what a reply means that is not the expected one: 4… may pass, 5… will not.
func smtpRefusal(reply string) error {
	e := &wit.Error{Code: wit.CodeInvalid, Message: "the mail server says " + reply[:min(len(reply), 300)]}
	for _, r := range refusals {
		if strings.HasPrefix(reply, r.begins) {
			e.Code, e.Message = r.code, e.Message+"; "+r.hint
			break
		}
	}
	switch {
	case e.Code == wit.CodeUnauthorized:
		e.Retryable = true
	case !strings.HasPrefix(reply, "5"):
		e.Code, e.Retryable = wit.CodeUnavailable, true
	}
	return e
}
