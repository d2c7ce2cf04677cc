package teamstest

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Meet installs the bot for somebody, and returns the personal chat with them.
func (s *Server) Meet(p Person) Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meet(p)
}

func (s *Server) meet(p Person) Chat {
	id := s.met[p.ID]
	if id == "" {
		id = "a:" + strings.TrimPrefix(p.ID, "29:") + "-with-the-bot"
		s.met[p.ID] = id
		s.chats[id] = &Chat{ID: id, Type: "personal"}
	}
	return *s.chats[id]
}

// Open makes a group chat or a channel known, in which the bot is a member.
func (s *Server) Open(c Chat) Chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chats[c.ID] = &c
	return c
}

// Activity is what somebody does in a chat, as the connector posts it; thread is where in a channel, "" for what begins one. Its id is
// filled in where it is a message's.
func (s *Server) Activity(p Person, c Chat, thread string, more map[string]any) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.activity(p, c, thread, more)
}

func (s *Server) activity(p Person, c Chat, thread string, more map[string]any) map[string]any {
	id := s.next()
	where := map[string]any{"id": c.ID, "conversationType": c.Type, "tenantId": s.cfg.TenantID}
	data := map[string]any{"tenant": map[string]any{"id": s.cfg.TenantID}}
	if c.Type != "personal" {
		where["isGroup"] = true
	}
	if c.Type == "channel" {
		if thread == "" {
			thread = id
		}
		where["id"] = c.ID + ";messageid=" + thread
		data["channel"], data["team"] = map[string]any{"id": c.ID, "name": c.Name}, map[string]any{"name": c.Team}
	} else if c.Name != "" {
		where["name"] = c.Name
	}
	a := map[string]any{
		"type": "message", "id": id, "timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z"), "serviceUrl": s.Root() + "/teams/", "channelId": "msteams",
		"from": map[string]any{"id": p.ID, "name": p.Name}, "conversation": where, "recipient": map[string]any{"id": s.Me(), "name": "Carapace"}, "channelData": data,
	}
	for field, value := range more {
		a[field] = value
	}
	return a
}

// Do has somebody do something in a chat, and returns its activity's id.
func (s *Server) Do(p Person, c Chat, thread string, more map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	a := s.activity(p, c, thread, more)
	id := a["id"].(string)
	s.said = append(s.said, c.ID+"/"+id)
	s.Tell(a)
	return id
}

// Say has somebody write a text, and returns the message's id. In groups and channels only what names the bot reaches it; Mention does.
func (s *Server) Say(p Person, c Chat, thread, text string) string {
	return s.Do(p, c, thread, map[string]any{"text": text, "textFormat": "plain"})
}

// Mention has somebody write a text that begins with the bot's name, and returns the message's id.
func (s *Server) Mention(p Person, c Chat, thread, text string) string {
	mention := map[string]any{"type": "mention", "text": "<at>Carapace</at>", "mentioned": map[string]any{"id": s.Me(), "name": "Carapace"}}
	return s.Do(p, c, thread, map[string]any{"text": "<at>Carapace</at> " + text, "textFormat": "plain", "entities": []any{mention}})
}

// Choose has somebody press a button of a message of the bot's. A client that knows universal actions sends an invoke, another one a message.
func (s *Server) Choose(p Person, m Sent, label string, universal bool) {
	s.submit(p, m, map[string]any{"carapace": m.Choices[label]}, universal)
}

// Vote has somebody choose in a poll of the bot's, and send that.
func (s *Server) Vote(p Person, m Sent, universal bool, titles ...string) {
	data := maps.Clone(m.Poll.data)
	var values []string
	for _, title := range titles {
		values = append(values, m.Poll.Values[title])
	}
	data[m.Poll.id] = strings.Join(values, ",")
	s.submit(p, m, data, universal)
}

func (s *Server) submit(p Person, m Sent, data map[string]any, universal bool) {
	s.mu.Lock()
	c := *s.chats[m.Chat]
	s.mu.Unlock()
	more := map[string]any{"replyToId": m.ID, "value": data}
	if universal {
		more["type"], more["name"] = "invoke", "adaptiveCard/action"
		more["value"] = map[string]any{"action": map[string]any{"type": "Action.Execute", "verb": "choose", "data": data}, "trigger": "manual"}
	}
	s.Do(p, c, m.Thread, more)
}

// Answer has somebody accept a file that the bot offers, or not.
func (s *Server) Answer(p Person, m Sent, accept bool) {
	s.mu.Lock()
	c := *s.chats[m.Chat]
	id := "up" + s.next()
	s.files[id] = &file{}
	s.mu.Unlock()
	value := map[string]any{"type": "fileUpload", "action": "decline", "context": map[string]any{}}
	if accept {
		value["action"], value["context"] = "accept", m.Offered
		value["uploadInfo"] = map[string]any{"contentUrl": s.Service() + "files/" + id, "name": m.FileName, "uploadUrl": s.Service() + "files/" + id, "uniqueId": id, "fileType": "bin"}
	}
	s.Do(p, c, "", map[string]any{"type": "invoke", "name": "fileConsent/invoke", "replyToId": m.ID, "value": value})
}

// Share keeps a file as OneDrive does, and returns an address at which everybody gets it.
func (s *Server) Share(mime string, data []byte) (url string) {
	return s.Service() + "files/" + s.keep(mime, data, false)
}

// Inline keeps a picture of a message's text, and returns its address, at which the bot's token is wanted.
func (s *Server) Inline(mime string, data []byte) (url string) {
	return s.Service() + "v3/attachments/" + s.keep(mime, data, true) + "/views/original"
}

func (s *Server) keep(mime string, data []byte, private bool) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id = "f" + s.next()
	s.files[id] = &file{data, mime, private}
	return id
}

// file answers with a file, or takes one that was accepted.
func (s *Server) file(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	f := s.files[id]
	s.mu.Unlock()
	switch {
	case f == nil:
		http.NotFound(w, r)
	case f.private && !s.known(r):
		w.WriteHeader(http.StatusUnauthorized)
	case !f.private && r.Header.Get("Authorization") != "":
		w.WriteHeader(http.StatusBadRequest) // SharePoint takes nobody else's token
	case r.Method == http.MethodPut && r.Header.Get("Content-Range") == "":
		w.WriteHeader(http.StatusLengthRequired)
	case r.Method == http.MethodPut:
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
		if err != nil {
			return
		}
		s.mu.Lock()
		f.data = b
		s.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	default:
		w.Header().Set("Content-Type", f.mime)
		_, _ = w.Write(f.data)
	}
}
