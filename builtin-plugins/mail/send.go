package mail

import (
	"hash/fnv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// Send hands a mail to the SMTP server. Its Message-ID is the same for each attempt. Of a message in which nothing can be seen
// nothing is sent, which is no error.
func (Mail) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	settings, err := readSettings(send.Config)
	if err != nil {
		return nil, err
	}
	state, err := readState(send.State)
	if err != nil {
		return nil, err
	}
	to := strings.TrimPrefix(send.To.ID, unproven)
	if !isAddress(to) || !isAddress(settings.address) {
		return nil, wit.NewError(wit.CodeInvalid, "a mail goes from and to an address such as ann@example.org")
	}
	l := &outgoing{
		from: settings.address, name: settings.name, to: to, id: messageID(send.IdempotencyKey, settings.address),
		text: send.Text, date: time.Now(),
	}
	if send.Formatted != nil {
		l.html = *send.Formatted
	}
	l.attach(host, send.Attachments)
	if strings.TrimSpace(l.text) == "" && len(l.files) == 0 {
		return &wit.Sent{}, nil
	}
	l.answer(send, &state, settings.replyAll)
	err = hand(host, &settings, l)
	if wit.CodeOf(err) == wit.CodeTooLarge && len(l.files) > 0 {
		l.leaveOut(host, 0) // what is said arrives, whatever becomes of the files
		err = hand(host, &settings, l)
	}
	if err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{l.id}}, nil
}

// answer makes the mail one of its thread: with its subject, and the ids by which mail programs find what belongs together.
func (l *outgoing) answer(send *wit.ChannelSend, s *state, toAll bool) {
	root := ""
	if send.To.Thread != nil {
		root = *send.To.Thread
	}
	if list := ids(root); len(list) == 1 && list[0] == root {
		l.references = []string{root}
	}
	if known := s.thread(root, l.to); known != nil {
		l.subject = known.subject
		if toAll {
			l.cc = known.cc
		}
		if isAddress(known.replyTo) {
			l.to = known.replyTo
		}
		if known.last != "" {
			l.replyTo = known.last
		}
	}
	if send.ReplyTo != nil {
		if list := ids(*send.ReplyTo); len(list) == 1 && list[0] == *send.ReplyTo {
			l.replyTo = list[0]
		}
	}
	if l.replyTo == "" {
		l.replyTo = strings.Join(l.references, "")
	}
	if l.replyTo != "" && l.replyTo != root {
		l.references = append(l.references, l.replyTo)
	}
	switch {
	case l.subject == "":
		l.subject = firstWords(send.Text)
	case !strings.HasPrefix(lower(l.subject), "re:"):
		l.subject = "Re: " + l.subject
	}
}

// firstWords are the beginning of a text, for the subject of a mail that answers none.
func firstWords(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if len(line) > 60 {
		line = strings.ToValidUTF8(line[:60], "")
		if i := strings.LastIndexByte(line, ' '); i > 20 {
			line = line[:i]
		}
		line += "…"
	}
	return line
}

// messageID is that of the mail with an idempotency key.
func messageID(key, from string) string {
	h := fnv.New128a()
	_, _ = h.Write([]byte(key))
	_, domain, _ := strings.Cut(from, "@")
	const digits = "0123456789abcdefghijklmnopqrstuv"
	var b strings.Builder
	for _, c := range h.Sum(nil) {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return "<" + b.String() + "@" + domain + ">"
}
