package mqtt

import (
	"encoding/base64"
	"hash/fnv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// publication is what came on a topic.
type publication struct {
	topic   string
	payload []byte
	kind    string // its MIME type, where it says that
	text    bool   // it says that it is text
	kept    bool   // from before the client asked for the topic
}

// claimed stands before the id of a sender who says who he is, without the server having checked it.
const claimed = "~"

// Bounds of names and ids that come from outside.
const (
	maxName = 200
	maxID   = 200
)

// message is what a publication says. It is nil for what is no message: on no topic that is read, kept and not wanted, or empty. Its id
// is empty unless the payload says one.
func (t *turn) message(came *publication) *wit.Message {
	where, group, ok := t.Settings.placeOf(came.topic)
	if !ok || came.kept && !t.Settings.readRetained || len(came.payload) == 0 || len(came.topic) > maxTopic {
		return nil
	}
	m := &wit.Message{Kind: wit.MessageKindText, Time: t.Now, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: where.conversation}}
	if group {
		m.Conversation.Kind = wit.ConversationKindGroup
	}
	m.Sender = wit.Person{ID: or(where.sender, where.conversation)}
	switch fields, isObject := t.object(came.payload); {
	case isObject:
		t.read(m, came.topic, where.sender == "", fields)
	case utf8.Valid(came.payload) && !strings.ContainsRune(string(came.payload), 0):
		m.Text = string(came.payload)
	default:
		m.Attachments = []wit.Attachment{file(came)}
	}
	if strings.TrimSpace(m.Text) == "" && len(m.Attachments) == 0 {
		return nil
	}
	m.Mentioned = !group || addressed(m.Text, t.Settings.name)
	return m
}

// object is a payload that is an object of JSON, where the settings say that payloads are.
func (t *turn) object(payload []byte) (json.Value, bool) {
	if !t.Settings.json {
		return json.Value{}, false
	}
	v, err := json.Parse(payload)
	return v, err == nil && v.IsObject()
}

// read reads the fields of a payload. A message is known by its id on its topic; "#" is in no topic. Who has sent it, it says only
// where the topic does not.
func (t *turn) read(m *wit.Message, topic string, anybody bool, v json.Value) {
	f := t.Settings.fields
	m.Text = v.Get(f.text).Text()
	if id := scalar(v.Get(f.id)); id != "" && len(id) <= maxID {
		m.ID = topic + "#" + id
	}
	if f.sender != "" && anybody {
		if name := scalar(v.Get(f.sender)); name != "" && len(name) <= maxName {
			m.Sender = wit.Person{ID: claimed + name, Name: &name}
		}
	}
	if id := scalar(v.Get(f.replyTo)); id != "" && len(id) <= maxID {
		m.ReplyTo = &wit.Quoted{ID: id}
	}
	m.Time = moment(v.Get(f.time), m.Time)
}

// scalar is a text, or a number as it is written.
func scalar(v json.Value) string {
	if s := v.Text(); s != "" || v.IsText() || v.IsObject() || v.IsArray() {
		return s
	}
	raw := string(v.Raw())
	if raw == "null" || raw == "true" || raw == "false" {
		return ""
	}
	return raw
}

// moment reads a time: in seconds or milliseconds since 1970, or as RFC 3339 has it.
func moment(v json.Value, otherwise int64) int64 {
	const enough = 100_000_000_000 // in milliseconds 1973, in seconds the year 5138
	n := int64(v.Float() * 1000)
	if v.Float() >= enough {
		n = v.Int()
	}
	if at, err := time.Parse(time.RFC3339, v.Text()); err == nil {
		n = at.UnixMilli()
	}
	if n <= 0 {
		return otherwise
	}
	return n
}

// file is a payload that is no text. It is the file itself, so nothing is to be fetched.
func file(came *publication) wit.Attachment {
	kind := came.kind
	if kind == "" {
		kind = sniffed(came.payload)
	}
	kind = strings.ToValidUTF8(kind[:min(len(kind), maxName)], "")
	name := came.topic[strings.LastIndexByte(came.topic, '/')+1:]
	a := wit.Attachment{Kind: attachment.Kind(kind), Mime: &kind, Size: new(int64(len(came.payload)))}
	if name != "" {
		a.Name = &name
	}
	a.Fetch = &wit.HTTPRequest{ID: "file", URL: "data:;base64," + base64.StdEncoding.EncodeToString(came.payload)}
	return a
}

// sniffed is what a file is by how it begins: one of the pictures that cameras send, or anything.
func sniffed(data []byte) string {
	for _, known := range []struct{ begin, kind string }{
		{"\xff\xd8\xff", "image/jpeg"}, {"\x89PNG\r\n\x1a\n", "image/png"}, {"GIF8", "image/gif"}, {"%PDF-", "application/pdf"},
	} {
		if strings.HasPrefix(string(data[:min(len(data), 16)]), known.begin) {
			return known.kind
		}
	}
	return "application/octet-stream"
}

// addressed reports whether the bot's name stands in a text as a word of its own.
func addressed(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(name)
	for from := 0; name != ""; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (i == 0 || !inWord(before)) && (end == len(text) || !inWord(after)) {
			return true
		}
		from = end
	}
	return false
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-'
}

// hashed is a short name of some texts.
func hashed(texts ...string) uint64 {
	h := fnv.New64a()
	for _, s := range texts {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}
