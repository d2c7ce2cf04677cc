package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// replaces is the relation of an edit to what it edits.
const replaces = "m.replace"

// relation is how an event relates to others ("Forming relationships between events").
type relation struct {
	kind   string // of the target: m.replace, m.annotation
	target string
	key    string // of an annotation: the emoji
	// thread is the event that a thread began with.
	thread string
	// replyTo is what is answered. In a thread that may be there only for programs that know no threads; then it is
	// not taken for an answer ("Fallback for unthreaded clients").
	replyTo string
}

func readRelation(content json.Value) relation {
	v := content.Get("m.relates_to")
	r := relation{kind: v.Get("rel_type").Text(), target: v.Get("event_id").Text(), key: v.Get("key").Text(), replyTo: v.Get("m.in_reply_to", "event_id").Text()}
	if r.kind != "m.thread" {
		return r
	}
	r.thread, r.kind, r.target = r.target, "", ""
	if v.Get("is_falling_back").Bool() {
		r.replyTo = ""
	}
	if len(r.thread) > 1024 {
		r.thread = ""
	}
	return r
}

// quoted is what a message answers, as far as it is known: what a fallback in its text says, which is taken out of it,
// or what was asked for.
func (p *place) quoted(m *wit.Message, rel relation) (*wit.Quoted, person) {
	if rel.replyTo == "" || len(rel.replyTo) > 1024 {
		return nil, person{}
	}
	rest, said := withoutFallback(m.Text)
	m.Text = rest
	if l := p.State.lookups.find(requestQuote, rel.replyTo); l != nil {
		said = quote{l.sender, l.text}
	}
	q := &wit.Quoted{ID: rel.replyTo, Text: account.Optional(texts.Clip(said.text, maxQuoted))}
	if said.id != "" {
		who := p.person(said.id)
		q.Sender = &who
	}
	return q, person{id: said.id}
}

// quote is what a message that is answered says, and whose it is.
type quote struct {
	id, text string
}

// withoutFallback takes apart a text that begins with what it answers, as programs write it for those that do not know
// answers: lines behind "> ", the first with the sender in angle brackets, and an empty line ("Rich replies").
func withoutFallback(body string) (rest string, said quote) {
	opening := ""
	for _, prefix := range []string{"> <@", "> * <@"} {
		if strings.HasPrefix(body, prefix) {
			opening = prefix
		}
	}
	if opening == "" {
		return body, quote{}
	}
	var lines []string
	rest = body
	for strings.HasPrefix(rest, ">") {
		line, after, _ := strings.Cut(rest, "\n")
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
		rest = after
	}
	first := strings.TrimPrefix("> "+lines[0], opening)
	id, text, found := strings.Cut(first, ">")
	if !found {
		return body, quote{}
	}
	lines[0] = strings.TrimPrefix(text, " ")
	return strings.TrimPrefix(rest, "\n"), quote{"@" + id, strings.Join(lines, "\n")}
}
