package line

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it, and
// hands it to sends.
type state struct {
	generation int64 // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64 // that LINE's answers were in a row
	me         me
	people     known.List // what people are called
	rooms      known.List // what groups are called
	tokens     keys       // reply tokens by conversation
	quotes     keys       // quote tokens by message
}

// me is the account.
type me struct{ id, basic, name string }

// readState reads what an earlier answer left, or nothing at an account's first start. Fields that another version knows
// are passed over, and those that it did not know are zero.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	return state{
		generation: v.Get("generation").Int(),
		failures:   v.Get("failures").Int(),
		me:         me{id: v.Get("me", "id").Text(), basic: v.Get("me", "basic").Text(), name: v.Get("me", "name").Text()},
		people:     known.Read(v.Get("people")),
		rooms:      known.Read(v.Get("rooms")),
		tokens:     readKeys(v.Get("tokens")),
		quotes:     readKeys(v.Get("quotes")),
	}, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{Object: json.Object{}.Int("generation", s.generation)}
	o.AddInt("failures", s.failures)
	if s.me.id != "" {
		o.Object = o.Raw("me", json.Object{}.Text("id", s.me.id).Text("basic", s.me.basic).Text("name", s.me.name).JSON())
	}
	for _, list := range []struct {
		name string
		size int
		json func() wit.JSON
	}{{"people", len(s.people), s.people.JSON}, {"rooms", len(s.rooms), s.rooms.JSON}, {"tokens", len(s.tokens), s.tokens.json}, {"quotes", len(s.quotes), s.quotes.json}} {
		if list.size > 0 {
			o.Object = o.Raw(list.name, list.json())
		}
	}
	return o.JSON()
}

// Bounds of what LINE's tokens take of the state: of the last conversations and messages.
const (
	maxKeys = 60
	maxKey  = 200 // bytes
)

// key is a token that LINE gives out with something, and when.
type key struct {
	of, token string
	at        int64
}

// keys are tokens, the last one at the end.
type keys []key

func readKeys(v json.Value) (list keys) {
	for k := range v.Items() {
		list = append(list, key{of: k.Get("of").Text(), token: k.Get("token").Text(), at: k.Get("at").Int()})
	}
	return list
}

func (list keys) json() wit.JSON {
	out := json.Array{}
	for _, k := range list {
		o := json.Sparse{Object: json.Object{}.Text("of", k.of).Text("token", k.token)}
		o.AddInt("at", k.at)
		out = out.Add(o.JSON())
	}
	return out.JSON()
}

// find returns the token that came with something.
func (list keys) find(of string) key {
	if i := slices.IndexFunc(list, func(k key) bool { return k.of == of }); i >= 0 {
		return list[i]
	}
	return key{}
}

// with returns the list with a token at its end, in the place of one that came with the same.
func (list keys) with(k key) keys {
	if k.of == "" || k.token == "" || max(len(k.of), len(k.token)) > maxKey {
		return list
	}
	out := append(slices.DeleteFunc(slices.Clone(list), func(o key) bool { return o.of == k.of }), k)
	if len(out) > maxKeys {
		out = out[len(out)-maxKeys:]
	}
	return out
}
