package whatsapp

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Somebody is known by a phone number, and by a user id that holds for this business (Business-scoped user IDs). A call
// has both, or the user id alone when its owner hides the number. A conversation's id is the number as long as that is
// known, since that is what people write down.

// maxPeople bounds what is remembered, well within the 64 KB that a state may have: those who have written last.
const maxPeople = 200

// maxRemembered bounds an id that is remembered, in bytes.
const maxRemembered = 160

// somebody is what is remembered of a conversation.
type somebody struct {
	id     string // the conversation's
	user   string // the user id, when it is another one
	last   string // the message that came last
	closed bool   // WhatsApp takes nothing but templates until they write
}

// people are those who have written, the last one at the end.
type people []somebody

func readPeople(v json.Value) people {
	var list people
	for p := range v.Items() {
		list = append(list, somebody{id: p.Get("id").Text(), user: p.Get("user").Text(), last: p.Get("last").Text(), closed: p.Get("closed").Bool()})
	}
	return list
}

func (list people) json() wit.JSON {
	out := json.Array{}
	for _, p := range list {
		o := json.Object{}.Text("id", p.id)
		if p.user != "" {
			o = o.Text("user", p.user)
		}
		if p.last != "" {
			o = o.Text("last", p.last)
		}
		if p.closed {
			o = o.Bool("closed", true)
		}
		out = out.Add(o.JSON())
	}
	return out.JSON()
}

// find returns what is remembered of a conversation.
func (list people) find(id string) somebody {
	for _, p := range list {
		if p.id == id {
			return p
		}
	}
	return somebody{}
}

// named returns the conversation of a person, by the number or the user id, or both. moved is the conversation's id until now
// when it was the user id, and the number is known from now on.
func (list people) named(number, user string) (id, moved string) {
	if number == "" {
		for _, p := range list {
			if user != "" && p.user == user {
				return p.id, ""
			}
		}
		return user, ""
	}
	if user != "" && list.find(user).id != "" {
		return number, user
	}
	return number, ""
}

// noted returns the list with somebody at its end, in place of what was known of them.
func (list people) noted(p somebody) people {
	if p.user == p.id || len(p.user) > maxRemembered {
		p.user = ""
	}
	if len(p.last) > maxRemembered {
		p.last = ""
	}
	if p.id == "" || len(p.id) > maxRemembered {
		return list
	}
	out := slices.DeleteFunc(slices.Clone(list), func(q somebody) bool { return q.id == p.id || p.user != "" && q.id == p.user })
	if out = append(out, p); len(out) > maxPeople {
		out = out[len(out)-maxPeople:]
	}
	return out
}

// without returns the list without a conversation.
func (list people) without(id string) people {
	return slices.DeleteFunc(slices.Clone(list), func(p somebody) bool { return p.id == id })
}

// shut notes that WhatsApp takes nothing but templates for a conversation.
func (list people) shut(id string) people {
	p := list.find(id)
	p.id, p.closed = id, true
	return list.noted(p)
}
