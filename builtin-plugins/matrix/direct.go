package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// open finds the room that is meant: by its id, by an alias, or by a user's id, for whom a room is made when there is
// none ("Creation", "Direct Messaging").
func (t *talk) open(id string) (err error) {
	switch {
	case strings.HasPrefix(id, "!"):
		t.room = id
	case strings.HasPrefix(id, "#"):
		t.room, err = t.named(id)
	case strings.HasPrefix(id, "@") && strings.Contains(id, ":"):
		t.room, err = t.with(id)
	default:
		err = wit.NewError(wit.CodeInvalid, "where to? A room of Matrix is called !id:server or #name:server, and a person @name:server, not "+texts.Clip(id, 100))
	}
	return err
}

// notConnected is the error of what needs to know whose account it is.
func notConnected() error {
	return wit.NewError(wit.CodeUnavailable, "the account has not connected yet")
}

// named is the room that has an alias.
func (t *talk) named(alias string) (string, error) {
	r := t.call("GET", client+"/directory/room/"+form.Escape(alias), nil)
	if err := r.err(); err != nil {
		return "", err
	}
	return r.Value.Get("room_id").Text(), nil
}

// with is a room in which the account is alone with somebody. One that is made is not encrypted, and is noted as theirs
// where programs look for it, so that a second message finds it.
func (t *talk) with(user string) (string, error) {
	me := t.state.me.id
	if me == "" {
		return "", notConnected()
	}
	if known := t.state.rooms.direct(user); known != nil {
		return known.id, nil
	}
	path := client + "/user/" + form.Escape(me) + "/account_data/m.direct"
	noted := t.call("GET", path, nil)
	if !noted.ok && !noted.is("M_NOT_FOUND") {
		return "", noted.err()
	}
	if room, err := t.usable(noted.Value.Get(user)); room != "" || err != nil {
		return room, err
	}
	made := t.call("POST", client+"/createRoom", json.Object{}.Text("preset", "trusted_private_chat").Bool("is_direct", true).
		Array("invite", func(list json.Array) json.Array { return list.Add(json.Text(user)) }))
	if err := made.err(); err != nil {
		return "", err
	}
	room := made.Value.Get("room_id").Text()
	if r := t.call("PUT", path, noteDirect(noted.Value, user, room)); !r.ok {
		t.host.Warn("matrix: a direct room cannot be noted: " + r.err().Error())
	}
	return room, nil
}

// usable is the last of some rooms that the account is still in.
func (t *talk) usable(list json.Value) (string, error) {
	if isEmpty(list) {
		return "", nil
	}
	r := t.call("GET", client+"/joined_rooms", nil)
	if err := r.err(); err != nil {
		return "", err
	}
	in, found := map[string]bool{}, ""
	for id := range r.Value.Get("joined_rooms").Items() {
		in[id.Text()] = true
	}
	for id := range list.Items() {
		if in[id.Text()] {
			found = id.Text()
		}
	}
	return found, nil
}

// noteDirect adds a room to what m.direct has.
func noteDirect(before json.Value, user, room string) json.Object {
	after := json.Object{}
	for who, list := range before.Fields() {
		if who != user {
			after = after.Raw(who, list.Raw())
		}
	}
	return after.Array(user, func(list json.Array) json.Array {
		for id := range before.Get(user).Items() {
			list = list.Add(id.Raw())
		}
		return list.Add(json.Text(room))
	})
}
