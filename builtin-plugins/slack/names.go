package slack

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// maxNamesAsked bounds how many names are asked for for one message, which waits for them.
const maxNamesAsked = 4

// person is somebody by id, with the name that is known.
func (a *answer) person(id string) *wit.Person {
	name, _ := a.names.Find(id)
	return &wit.Person{ID: id, Name: account.Optional(name), Bot: id != "" && id == a.State.me.user}
}

// askFor asks for the names of ids that are not known, and reports whether there are any. Where the app may not ask, none
// are.
func (a *answer) askFor(ids []string) (unknown bool) {
	for i, id := range ids {
		if _, known := a.names.Find(id); known || a.State.nameless || i >= maxNamesAsked {
			continue
		}
		if slices.Contains(a.State.asked, id) {
			unknown = true
			continue
		}
		if len(a.Out.Requests) >= wit.ChannelAnswerRequestsMax/2 {
			continue
		}
		a.State.asked, unknown = append(a.State.asked, id), true
		if isPlace(id) {
			a.request(requestPlace, id, botToken, "conversations.info", form.Of("channel", id))
		} else {
			a.request(requestUser, id, botToken, "users.info", form.Of("user", id))
		}
	}
	return unknown
}

// isPlace reports whether an id is a channel's, and not a person's (those begin with U, or W in an enterprise).
func isPlace(id string) bool { return strings.HasPrefix(id, "C") || strings.HasPrefix(id, "G") }

// named takes what Slack says an id is called. What waits for it goes on, also when it is not to be had.
func named(a *answer, kind requestKind, id string, r result) {
	a.State.asked = remove(a.State.asked, id)
	switch {
	case r.ok && kind == requestUser:
		a.names.Keep(id, userName(r.Value.Get("user")))
	case r.ok:
		a.names.Keep(id, placeName(r.Value.Get("channel")))
	case r.is("missing_scope"):
		a.Host.Warn(texts.Join(": ", "slack: names are not known", r.scope()))
		a.State.nameless = true
	case r.Failure == nil && !wit.CodeOf(r.err()).Transient():
		a.names.Keep(id, "") // Slack knows none
	default:
		a.Host.Warn("slack: the name of " + id + " is not known: " + r.err().Error())
		release(a, true)
		return
	}
	release(a, false)
}

// userName is what people call somebody (User objects): the name that is shown, or the whole one.
func userName(v json.Value) string {
	for _, path := range [][]string{{"profile", "display_name"}, {"profile", "real_name"}, {"real_name"}, {"name"}} {
		if name := v.Get(path...).Text(); name != "" {
			return name
		}
	}
	return ""
}

// groupName stands for the name of a direct conversation of several people, which Slack makes up of theirs. No channel's
// begins with an @.
const groupName = "@"

// placeName is a channel's name (Conversation objects).
func placeName(v json.Value) string {
	if v.Get("is_mpim").Bool() {
		return groupName
	}
	return v.Get("name").Text()
}

func remove(list []string, s string) (out []string) {
	for _, item := range list {
		if item != s {
			out = append(out, item)
		}
	}
	return out
}
