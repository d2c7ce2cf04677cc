package discord

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// guild is what is known of a server: the roles that the bot has there, which people may mention it by.
type guild struct {
	id    string
	roles []string
}

// Bounds of what is kept.
const (
	maxGuilds = 50
	maxRoles  = 5
)

func readGuild(v json.Value) guild {
	g := guild{id: v.Get("id").Text()}
	g.roles = v.Get("roles").Texts()
	return g
}

func (g *guild) json() wit.JSON {
	return json.Object{}.Text("id", g.id).Array("roles", func(list json.Array) json.Array {
		for _, role := range g.roles {
			list = list.Add(json.Text(role))
		}
		return list
	}).JSON()
}

// hasRole reports whether the bot has a role in a guild.
func (s *state) hasRole(guild, role string) bool {
	for i := range s.guilds {
		if s.guilds[i].id == guild {
			return slices.Contains(s.guilds[i].roles, role)
		}
	}
	return false
}

// joined takes a guild that is there (Guild Create): the bot's roles, and channels, as far as there is room, those that
// are threads first since their parent is part of what they are.
func (s *state) joined(d json.Value) {
	for member := range d.Get("members").Items() {
		if member.Get("user", "id").Text() == s.me.id {
			s.roles(d.Get("id").Text(), member.Get("roles"))
		}
	}
	for _, list := range []json.Value{d.Get("threads"), d.Get("channels")} {
		for channel := range list.Items() {
			s.learn(readPlace(channel), true)
		}
	}
}

// roles notes which roles the bot has in a guild.
func (s *state) roles(id string, list json.Value) {
	s.left(id)
	g := guild{id: id}
	for role := range list.Items() {
		if len(g.roles) < maxRoles {
			g.roles = append(g.roles, role.Text())
		}
	}
	if len(g.roles) == 0 {
		return
	}
	if len(s.guilds) >= maxGuilds {
		s.guilds = s.guilds[1:]
	}
	s.guilds = append(s.guilds, g)
}

// left forgets a guild.
func (s *state) left(id string) {
	s.guilds = slices.DeleteFunc(slices.Clone(s.guilds), func(g guild) bool { return g.id == id })
}
