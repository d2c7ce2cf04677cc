package irc

import "strings"

// ctcpMark stands around a client's message to a client (CTCP).
const ctcpMark = "\x01"

// A client that asks much is not answered each time.
const (
	ctcpPause = 2_000 // milliseconds
	maxCTCP   = 64    // bytes of a question that are said back
)

// hearCTCP answers what a client asks, and returns what somebody says by it: that he does something (ACTION). What comes in a
// notice is an answer, and in a history nobody asks.
func hearCTCP(t *turn, l *line, text string, old bool) (said string) {
	kind, rest, _ := strings.Cut(text, " ")
	kind = strings.ToUpper(kind)
	if kind == "ACTION" {
		return "* " + l.nick + " " + rest
	}
	answers := map[string]string{
		"VERSION":    "carapace",
		"PING":       rest[:min(len(rest), maxCTCP)],
		"CLIENTINFO": "ACTION CLIENTINFO PING VERSION",
	}
	answer, known := answers[kind]
	if !known || old || l.command != "PRIVMSG" || l.userAt == "" || target(l.nick) == "" || t.Now < t.State.ctcpAt {
		return ""
	}
	t.State.ctcpAt = t.Now + ctcpPause
	t.say("NOTICE " + l.nick + " :" + ctcpMark + strings.TrimSpace(kind+" "+sayable(answer, false)) + ctcpMark)
	return ""
}
