package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxSearched bounds how many servers are searched: each costs two requests.
const maxSearched = 5

// Directory finds people and channels of the bot's servers: by an id, by the beginning of a name of somebody, by a part of a
// channel's name.
func (Discord) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	settings, err := readSettings(query.Config)
	if err != nil {
		return nil, err
	}
	s := &search{chat: chat{host: host, settings: settings}, query: query, name: strings.TrimSpace(query.Query)}
	if isID(s.name) {
		s.byID()
	} else {
		s.byName()
	}
	if len(s.found) == 0 && s.failed != nil {
		return nil, s.failed
	}
	return &wit.DirectoryAnswer{Entries: s.found}, nil
}

// search is one question to the directory.
type search struct {
	chat
	query  *wit.DirectoryQuery
	name   string
	found  []wit.DirectoryEntry
	failed error
}

func (s *search) wants(kind wit.ConversationKind) bool {
	return s.query.Kind == nil || *s.query.Kind == kind
}

// add takes an entry, as long as more are wanted.
func (s *search) add(e wit.DirectoryEntry) {
	if e.ID != "" && s.wants(e.Kind) && len(s.found) < int(min(max(s.query.Limit, 1), wit.DirectoryAnswerEntriesMax)) {
		s.found = append(s.found, e)
	}
}

func (s *search) person(p person) {
	s.add(wit.DirectoryEntry{Kind: wit.ConversationKindDirect, ID: p.id, Name: account.Optional(p.name), Username: account.Optional(p.username)})
}

// get asks for something; what is not there is no failure.
func (s *search) get(path string) json.Value {
	r := s.call("GET", path, nil)
	if err := r.err(); err != nil && wit.CodeOf(err) != wit.CodeNotFound && wit.CodeOf(err) != wit.CodeForbidden {
		s.failed = err
	}
	if !r.ok {
		return json.Value{}
	}
	return r.Value
}

// byID looks up a channel (Get Channel) or somebody (Get User).
func (s *search) byID() {
	if p := readPlace(s.get("/channels/" + s.name)); p.known() {
		known := state{}
		c := known.conversation(&p)
		s.add(wit.DirectoryEntry{Kind: c.Kind, ID: c.ID, Name: c.Name})
		return
	}
	s.person(readUser(s.get("/users/" + s.name)))
}

// byName goes through the bot's servers (Get Current User Guilds, Get Guild Channels, Search Guild Members).
func (s *search) byName() {
	name, searched := strings.ToLower(strings.TrimLeft(s.name, "#@")), 0
	for guild := range s.get("/users/@me/guilds").Items() {
		id := guild.Get("id").Text()
		if searched++; searched > maxSearched || !isID(id) {
			return
		}
		if s.wants(wit.ConversationKindChannel) && !strings.HasPrefix(s.name, "@") {
			s.channels(id, name)
		}
		if s.wants(wit.ConversationKindDirect) && !strings.HasPrefix(s.name, "#") && name != "" {
			for member := range s.get("/guilds/" + id + "/members/search?limit=25&query=" + form.Escape(name)).Items() {
				s.person(readMember(member.Get("user"), member))
			}
		}
	}
}

// channels adds the channels of a guild that can be written to and have a name like that.
func (s *search) channels(guild, name string) {
	for channel := range s.get("/guilds/" + guild + "/channels").Items() {
		p := readPlace(channel)
		const news, voice, stage = 5, 2, 13
		switch p.kind {
		case typeText, news, voice, stage, typeForum, typeMedia:
			if strings.Contains(strings.ToLower(p.name), name) {
				s.add(wit.DirectoryEntry{Kind: wit.ConversationKindChannel, ID: p.id, Name: hashed(p.name)})
			}
		}
	}
}
