package signaltest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Call is one request that the program made.
type Call struct {
	Method string
	Params json.RawMessage
}

// Calls returns the requests of a method that were handled so far; "" is all.
func (s *Server) Calls(method string) (list []Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if method == "" || c.Method == method {
			list = append(list, c)
		}
	}
	return list
}

// Sent is a message of the account's.
type Sent struct {
	Timestamp     int64
	To, Group     string
	Note          bool // to the account itself
	Text          string
	Styles        []string
	QuoteAuthor   string
	QuoteTime     int64
	Files         []File
	Voice         bool
	Edits         int64
	Emoji, Target string // of a reaction, and the message as author:timestamp
	Removed       bool
	Deletes       int64
	Options       []string // of a poll, whose question is the text
	One           bool     // may be chosen
	At            time.Time
}

// File is one that was sent.
type File struct {
	Mime, Name string
	Data       []byte
}

// Sent returns what the account has sent so far, in order: messages, new forms of them, reactions and deletions.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// MaxEdits is how many new forms of a message apps take.
const MaxEdits = 10

// Shown returns the messages that the account has sent as apps show them: each with its last form, of those that apps take.
func (s *Server) Shown() (list []Sent) {
	forms := map[int64]int{}
	for _, m := range s.Sent() {
		switch i := slices.IndexFunc(list, func(shown Sent) bool { return shown.Timestamp == m.Edits && shown.To == m.To && shown.Group == m.Group }); {
		case m.Emoji != "" || m.Deletes != 0:
		case m.Edits == 0:
			list = append(list, m)
		case i >= 0 && forms[m.Edits] < MaxEdits:
			forms[m.Edits]++
			list[i].Text, list[i].Styles = m.Text, m.Styles
		}
	}
	return list
}

// params are those of all commands that are known.
type params struct {
	Account         string          `json:"account"`
	Recipient       json.RawMessage `json:"recipient"`
	Recipients      []string        `json:"-"`
	GroupID         string          `json:"groupId"`
	NoteToSelf      bool            `json:"noteToSelf"`
	Message         string          `json:"message"`
	TextStyle       []string        `json:"textStyle"`
	Attachment      []string        `json:"attachment"`
	VoiceNote       bool            `json:"voiceNote"`
	QuoteTimestamp  int64           `json:"quoteTimestamp"`
	QuoteAuthor     string          `json:"quoteAuthor"`
	EditTimestamp   int64           `json:"editTimestamp"`
	TargetAuthor    string          `json:"targetAuthor"`
	TargetTimestamp int64           `json:"targetTimestamp"`
	Emoji           string          `json:"emoji"`
	Remove          bool            `json:"remove"`
	Type            string          `json:"type"`
	ID              string          `json:"id"`
	PackID          string          `json:"packId"`
	StickerID       int             `json:"stickerId"`
	DeviceLinkURI   string          `json:"deviceLinkUri"`
	DeviceName      string          `json:"deviceName"`
	AllRecipients   bool            `json:"allRecipients"`
	Question        string          `json:"question"`
	Option          []string        `json:"option"`
	NoMulti         bool            `json:"noMulti"`
}

// address is how somebody is reached.
type address struct {
	UUID   string `json:"uuid,omitempty"`
	Number string `json:"number,omitempty"`
}

// result is what became of a message for one of those whom it went to (SendMessageResult).
type result struct {
	Recipient  address `json:"recipientAddress"`
	Type       string  `json:"type"`
	Token      string  `json:"token,omitempty"`
	RetryAfter int     `json:"retryAfterSeconds,omitempty"`
}

func userError(text string, args ...any) *rpcError {
	return &rpcError{code: -1, message: fmt.Sprintf(text, args...)}
}

// handle does what a request asks for.
func (s *Server) handle(ctx context.Context, q request) (any, *rpcError) {
	var p params
	if len(q.Params) > 0 {
		if err := json.Unmarshal(q.Params, &p); err != nil {
			return nil, &rpcError{code: -32600, message: err.Error()}
		}
	}
	if err := json.Unmarshal(p.Recipient, &p.Recipients); err != nil {
		p.Recipients = []string{strings.Trim(string(p.Recipient), `"`)}
	}
	if q.Method == "finishLink" {
		return s.finishLink(ctx, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	s.calls = append(s.calls, Call{q.Method, q.Params})
	if q.Method == "startLink" {
		return s.startLink()
	}
	if p.Account != s.cfg.Account || !s.linked {
		return nil, &rpcError{code: -32602, message: "Specified account does not exist"}
	}
	do, known := commands[q.Method]
	if !known {
		return nil, &rpcError{code: -32601, message: "Method not implemented"}
	}
	return do(s, p)
}

// commands are those that are known, beside those of linking. The lock is held.
var commands = map[string]func(*Server, params) (any, *rpcError){
	"listContacts": (*Server).listContacts, "send": (*Server).send, "sendReaction": (*Server).react, "remoteDelete": (*Server).remoteDelete,
	"sendPollCreate": (*Server).poll, "listGroups": (*Server).listGroups, "sendTyping": (*Server).ignore, "sendReceipt": (*Server).receipt, "getAttachment": (*Server).attachment, "getSticker": (*Server).attachment,
}

func (s *Server) listContacts(p params) (any, *rpcError) {
	list := []any{}
	for _, who := range p.Recipients {
		if who == s.cfg.Account && p.AllRecipients {
			list = append(list, map[string]any{"number": s.cfg.Account, "uuid": s.cfg.ACI, "name": "", "profile": map[string]any{"givenName": "Carapace"}})
		}
	}
	for id, known := range s.people {
		if id == known.ACI && len(p.Recipients) == 1 && p.Recipients[0] == "" {
			list = append(list, map[string]any{"number": known.Number, "uuid": known.ACI, "name": known.Name, "profile": map[string]any{}})
		}
	}
	return list, nil
}

func (s *Server) listGroups(params) (any, *rpcError) {
	list := []any{}
	for id, name := range s.groups {
		list = append(list, map[string]any{"id": id, "name": name, "isMember": true})
	}
	return append(list, map[string]any{"id": "left=", "name": "Left", "isMember": false}), nil
}

// poll takes a question with options (sendPollCreate).
func (s *Server) poll(p params) (any, *rpcError) {
	if p.Question == "" || len(p.Option) < 2 || len(p.Option) > 10 {
		return nil, userError("Between 2 and 10 options must be specified")
	}
	return s.deliver(p, Sent{Text: p.Question, Options: p.Option, One: p.NoMulti})
}

// send takes a message (send).
func (s *Server) send(p params) (any, *rpcError) {
	m := Sent{
		Text: p.Message, Styles: p.TextStyle, QuoteAuthor: p.QuoteAuthor, QuoteTime: p.QuoteTimestamp, Voice: p.VoiceNote, Edits: p.EditTimestamp,
	}
	if p.Message == "" && len(p.Attachment) == 0 {
		return nil, userError("Sending empty message is not allowed, either a message, attachment or sticker must be given.")
	}
	if p.QuoteTimestamp != 0 && p.QuoteAuthor == "" {
		return nil, userError("Quote author parameter is missing")
	}
	for _, uri := range p.Attachment {
		f, ok := fileOf(uri)
		if !ok {
			return nil, &rpcError{code: -32603, message: "Failed to send message: attachment invalid (AttachmentInvalidException)"}
		}
		m.Files = append(m.Files, f)
	}
	for _, style := range p.TextStyle {
		var start, length int
		var name string
		if n, _ := fmt.Sscanf(strings.ReplaceAll(style, ":", " "), "%d %d %s", &start, &length, &name); n != 3 || !strings.Contains(" BOLD ITALIC SPOILER STRIKETHROUGH MONOSPACE ", " "+name+" ") {
			return nil, userError("Invalid textStyle syntax (%s) expected 'start:length:STYLE'", style)
		}
	}
	return s.deliver(p, m)
}

// fileOf reads a data URI (send, --attachment).
func fileOf(uri string) (f File, ok bool) {
	head, data, ok := strings.Cut(uri, ",")
	head, isData := strings.CutPrefix(head, "data:")
	head, isBase64 := strings.CutSuffix(head, ";base64")
	if !ok || !isData || !isBase64 {
		return f, false
	}
	f.Mime, f.Name, _ = strings.Cut(head, ";filename=")
	var err error
	f.Data, err = base64.StdEncoding.DecodeString(data)
	return f, err == nil
}

// deliver notes what was sent, and to whom.
func (s *Server) deliver(p params, m Sent) (any, *rpcError) {
	m.Timestamp, m.At, m.Note, m.Group = s.time(), s.cfg.Now(), p.NoteToSelf, p.GroupID
	to := address{Number: s.cfg.Account, UUID: s.cfg.ACI}
	if !m.Note && m.Group == "" {
		if len(p.Recipients) != 1 || p.Recipients[0] == "" || p.Recipients[0] == "null" {
			return nil, userError("No recipients given")
		}
		who, known := s.people[p.Recipients[0]]
		if !known {
			return nil, &rpcError{code: -1, message: "Failed to send message", results: []result{{Recipient: address{Number: p.Recipients[0]}, Type: "UNREGISTERED_FAILURE"}}}
		}
		m.To, to = p.Recipients[0], address{Number: who.Number, UUID: who.ACI}
	}
	s.sent = append(s.sent, m)
	return map[string]any{"timestamp": m.Timestamp, "results": []result{{Recipient: to, Type: "SUCCESS"}}}, nil
}

func (s *Server) react(p params) (any, *rpcError) {
	if p.Emoji == "" || p.TargetAuthor == "" || p.TargetTimestamp == 0 {
		return nil, userError("emoji, target-author and target-timestamp are required")
	}
	return s.deliver(p, Sent{Emoji: p.Emoji, Target: fmt.Sprintf("%s:%d", p.TargetAuthor, p.TargetTimestamp), Removed: p.Remove})
}

func (s *Server) remoteDelete(p params) (any, *rpcError) {
	if p.TargetTimestamp == 0 {
		return nil, userError("target-timestamp is required")
	}
	return s.deliver(p, Sent{Deletes: p.TargetTimestamp})
}

func (s *Server) ignore(p params) (any, *rpcError) { return map[string]any{"timestamp": s.time()}, nil }

// receipt notes that a message was read.
func (s *Server) receipt(p params) (any, *rpcError) {
	if len(p.Recipients) != 1 || p.TargetTimestamp == 0 {
		return nil, userError("recipient and target-timestamp are required")
	}
	s.read[fmt.Sprintf("%s:%d", p.Recipients[0], p.TargetTimestamp)] = true
	return map[string]any{"timestamp": s.time()}, nil
}

// attachment gives a file (getAttachment, getSticker).
func (s *Server) attachment(p params) (any, *rpcError) {
	id := p.ID
	if p.PackID != "" {
		id = fmt.Sprintf("sticker %s %d", p.PackID, p.StickerID)
	} else if (len(p.Recipients) != 1 || p.Recipients[0] == "") == (p.GroupID == "") {
		return nil, userError("one of --recipient and --group-id is required")
	}
	data, ok := s.files[id]
	if !ok {
		return nil, userError("Could not find attachment with ID: %s", id)
	}
	return map[string]any{"data": base64.StdEncoding.EncodeToString(data)}, nil
}

// startLink begins to link an account.
func (s *Server) startLink() (any, *rpcError) {
	if !s.cfg.Unlinked {
		return nil, &rpcError{code: -32601, message: "Method not implemented"}
	}
	s.linking = fmt.Sprintf("sgnl://linkdevice?uuid=%d&pub_key=X", s.time())
	return map[string]any{"deviceLinkUri": s.linking}, nil
}

// finishLink waits until the code was scanned.
func (s *Server) finishLink(ctx context.Context, p params) (any, *rpcError) {
	s.mu.Lock()
	s.calls = append(s.calls, Call{Method: "finishLink"})
	known := p.DeviceLinkURI != "" && p.DeviceLinkURI == s.linking
	s.mu.Unlock()
	if !known {
		return nil, userError("Unknown device link uri.")
	}
	err := s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.linked
	})
	if err != nil {
		return nil, userError("Link request timed out, please try again.")
	}
	return map[string]any{"number": s.cfg.Account}, nil
}

// Linking is the address that is shown to be scanned, "" for none.
func (s *Server) Linking() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.linking
}

// Scan has the owner scan it.
func (s *Server) Scan() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linked = true
	s.Raise()
}

// time is one that no message has yet. The lock is held.
func (s *Server) time() int64 {
	s.last = max(s.last+1, s.cfg.Now().UnixMilli())
	return s.last
}
