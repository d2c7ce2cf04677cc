package slack

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// names are what people and channels are called, as far as Slack has been asked. They are kept in the plugin's records,
// in a few of them for each account: by the last character of the id, which is as good as chance.
type names struct {
	host    *sdk.Host
	account string
	buckets map[string]json.Value
}

const (
	keepNames     = 7 * 24 * time.Hour
	maxBucket     = 200 // names in a record
	maxName       = 80  // characters
	maxNamesAsked = 4   // for one message: it waits for them
)

func newNames(host *sdk.Host, account string) *names {
	return &names{host: host, account: account, buckets: map[string]json.Value{}}
}

func (n *names) key(id string) string { return "names/" + n.account + "/" + id[len(id)-1:] }

// find returns a name, "" for who has none, and whether it is known.
func (n *names) find(id string) (name string, known bool) {
	if id == "" {
		return "", true
	}
	entry := n.bucket(id).Get(id)
	return entry.Text(), entry.Exists()
}

func (n *names) bucket(id string) json.Value {
	key := n.key(id)
	if v, read := n.buckets[key]; read {
		return v
	}
	v := json.Value{}
	if stored, ok, err := n.host.KVGet(key); err == nil && ok {
		v, _ = json.ParseText(stored)
	}
	n.buckets[key] = v
	return v
}

// keep notes a name. A record that is full is begun anew: what is missed then is asked for again.
func (n *names) keep(id, name string) {
	if id == "" {
		return
	}
	o, count := json.Object{}, 0
	for other, v := range n.bucket(id).Fields() {
		if count++; other != id && count < maxBucket {
			o = o.Text(other, v.Text())
		}
	}
	record := string(o.Text(id, clip(name, maxName)).JSON())
	n.buckets[n.key(id)], _ = json.ParseText(record)
	if err := n.host.KVPut(n.key(id), record, keepNames); err != nil {
		n.host.Warn("slack: a name cannot be kept: " + err.Error())
	}
}

// clip cuts a text after so many characters.
func clip(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}

// person is somebody by id, with the name that is known.
func (a *answer) person(id string) *wit.Person {
	name, _ := a.names.find(id)
	return &wit.Person{ID: id, Name: account.Optional(name), Bot: id != "" && id == a.State.me.user}
}

// askFor asks for the names of ids that are not known, and reports whether there are any. Where the app may not ask, none
// are.
func (a *answer) askFor(ids []string) (unknown bool) {
	for i, id := range ids {
		if _, known := a.names.find(id); known || a.State.nameless || i >= maxNamesAsked {
			continue
		}
		if contains(a.State.asked, id) {
			unknown = true
			continue
		}
		if len(a.Out.Requests) >= wit.ChannelAnswerRequestsMax/2 {
			continue
		}
		a.State.asked, unknown = append(a.State.asked, id), true
		if isPlace(id) {
			a.request(requestPlace, id, botToken, "conversations.info", form{{"channel", id}})
		} else {
			a.request(requestUser, id, botToken, "users.info", form{{"user", id}})
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
		a.names.keep(id, userName(r.value.Get("user")))
	case r.ok:
		a.names.keep(id, placeName(r.value.Get("channel")))
	case r.is("missing_scope"):
		a.Host.Warn("slack: names are not known" + r.scope())
		a.State.nameless = true
	case r.failure == nil && !wit.CodeOf(r.err()).Transient():
		a.names.keep(id, "") // Slack knows none
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

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

func remove(list []string, s string) (out []string) {
	for _, item := range list {
		if item != s {
			out = append(out, item)
		}
	}
	return out
}
