// Package known is what a channel remembers of people and conversations in its state, where events name them by an id alone: what they
// are called, and with whom a direct chat is. A list is bounded: those who have written last are known.
package known

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a list, so that two of them fit into a state beside what else there is.
const (
	Max     = 200
	MaxID   = 100 // bytes
	MaxName = 80  // bytes; a longer name is cut
)

// Entry is somebody, or a conversation.
type Entry struct {
	ID     string
	Name   string // "" until it is known, or for good
	Person string // with whom a direct chat is
}

// List are people or conversations, the last one at the end. Its methods change none that there is.
type List []Entry

// Read returns the list that JSON has written.
func Read(v json.Value) List {
	var list List
	for e := range v.Items() {
		list = append(list, Entry{ID: e.Get("id").Text(), Name: e.Get("name").Text(), Person: e.Get("person").Text()})
	}
	return list
}

// JSON returns the list as a state has it.
func (list List) JSON() wit.JSON {
	out := json.Array{}
	for _, e := range list {
		o := json.Sparse{Object: json.Object{}.Text("id", e.ID)}
		o.AddText("name", e.Name)
		o.AddText("person", e.Person)
		out = out.Add(o.JSON())
	}
	return out.JSON()
}

// Find returns what is remembered of an id.
func (list List) Find(id string) (e Entry, ok bool) {
	if i := list.index(id); i >= 0 {
		return list[i], true
	}
	return Entry{}, false
}

func (list List) index(id string) int {
	return slices.IndexFunc(list, func(e Entry) bool { return e.ID == id })
}

// With returns the list with an entry in the place of what was known of it, or at its end. What has no id, or a very long one, is
// not remembered.
func (list List) With(e Entry) List {
	if e.ID == "" || len(e.ID) > MaxID || len(e.Person) > MaxID {
		return list
	}
	e.Name = texts.Clip(e.Name, MaxName)
	if i := list.index(e.ID); i >= 0 {
		if list[i] == e {
			return list
		}
		list = slices.Clone(list)
		list[i] = e
		return list
	}
	if list = append(slices.Clone(list), e); len(list) > Max {
		list = list[len(list)-Max:]
	}
	return list
}

// Seen returns the list with an entry of it at its end.
func (list List) Seen(id string) List {
	i := list.index(id)
	if i < 0 || i == len(list)-1 {
		return list
	}
	e := list[i]
	return append(slices.Delete(slices.Clone(list), i, i+1), e)
}
