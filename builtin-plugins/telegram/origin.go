package telegram

import "github.com/carapace-gateway/carapace/sdk/go/json"

// A forwarded message, and one of another chat that is replied to, have an origin (MessageOrigin): a user, a user
// who hides the account and is known by name only, a group that speaks for itself, or a channel.

// readOrigin returns who an origin names; without an id when that is hidden.
func readOrigin(v json.Value) person {
	switch v.Get("type").Text() {
	case "user":
		return readPerson(v.Get("sender_user"))
	case "hidden_user":
		return person{name: v.Get("sender_user_name").Text()}
	case "chat":
		return readPerson(v.Get("sender_chat"))
	}
	return readPerson(v.Get("chat"))
}

// forwarded is the line that says whose message it was, "" for the author's own.
func (p *post) forwarded() string {
	if !p.origin.Exists() {
		return ""
	}
	kind := map[string]string{"chat": "the group ", "channel": "the channel "}[p.origin.Get("type").Text()]
	line := "[forwarded from " + kind + readOrigin(p.origin).label()
	if signature := p.origin.Get("author_signature").Text(); signature != "" {
		line += ", signed " + signature
	}
	return line + "]"
}
