package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// person is a user (User Object).
type person struct {
	id, name, username string
	bot                bool
}

// readUser reads a User. People are called by their display name, where they have one.
func readUser(v json.Value) person {
	var p person
	for key, f := range v.Fields() {
		switch key {
		case "id":
			p.id = f.Text()
		case "username":
			p.username = f.Text()
		case "global_name":
			p.name = f.Text()
		case "bot":
			p.bot = f.Bool()
		}
	}
	return p
}

// readMember reads a User and what the guild calls it (Guild Member Object, nick).
func readMember(user, member json.Value) person {
	p := readUser(user)
	if nick := member.Get("nick").Text(); nick != "" {
		p.name = nick
	}
	return p
}

// author is who wrote a message. A webhook writes under whatever name it likes, and is nobody who reads answers.
func author(d json.Value) person {
	p := readMember(d.Get("author"), d.Get("member"))
	p.bot = p.bot || d.Get("webhook_id").Exists()
	return p
}

// wit returns the person as the kernel knows people.
func (p person) wit() *wit.Person {
	return &wit.Person{ID: p.id, Name: account.Optional(p.label()), Username: account.Optional(p.username), Bot: p.bot}
}

// label is what people call somebody, or failing that how Discord does.
func (p person) label() string {
	switch {
	case p.name != "":
		return p.name
	case p.username != "":
		return p.username
	}
	return p.id
}

// json returns the person in the form that readUser reads.
func (p person) json() wit.JSON {
	return json.Object{}.Text("id", p.id).Text("username", p.username).Text("global_name", p.name).Bool("bot", p.bot).JSON()
}
