package zulip

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// channelPrefix is what the id of a channel's conversation begins with.
const channelPrefix = "channel:"

// kindOf says what kind a conversation is by its id.
func kindOf(id string) wit.ConversationKind {
	if strings.HasPrefix(id, channelPrefix) || strings.Contains(id, ",") {
		return wit.ConversationKindGroup
	}
	return wit.ConversationKindDirect
}

// placeOf says where a message is, what that is called, and whether it is a place at all: what the account writes to itself
// is none.
func placeOf(m json.Value, me string) (p place, name string, ok bool) {
	if m.Get("type").Text() == "stream" {
		id := m.Get("stream_id").Text()
		return place{channelPrefix + id, texts.Clip(m.Get("subject").Text(), maxTopic)}, m.Get("display_recipient").Text(), id != ""
	}
	var ids []int64
	var names []string
	for who := range m.Get("display_recipient").Items() {
		if id := who.Get("id").Int(); id != 0 && strconv.FormatInt(id, 10) != me {
			ids, names = append(ids, id), append(names, who.Get("full_name").Text())
		}
	}
	p.conversation = peopleID(ids)
	return p, texts.Clip(strings.Join(names, ", "), 255), len(ids) > 0 && len(p.conversation) <= 1024
}

// peopleID is the id of the direct conversation with people.
func peopleID(ids []int64) string {
	slices.Sort(ids)
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	return b.String()
}

// target is where a message goes ("Send a message": type, to, topic).
type target struct {
	channel string // its id or name; "" for people
	people  []int64
	topic   string
}

// targetOf reads a conversation. The error is invalid for what is none.
func targetOf(to wit.Conversation, settings settings) (target, error) {
	if channel, is := strings.CutPrefix(to.ID, channelPrefix); is && channel != "" {
		topic := settings.topic
		if to.Thread != nil {
			topic = *to.Thread
		}
		return target{channel: channel, topic: topic}, nil
	}
	var t target
	for word := range strings.SplitSeq(to.ID, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(word), 10, 64)
		if err != nil || id <= 0 {
			return t, wit.NewError(wit.CodeInvalid, texts.Clip(to.ID, 100)+" is no conversation of Zulip: give a user's id such as 12, several with commas between them, or channel:34")
		}
		t.people = append(t.people, id)
	}
	return t, nil
}

// ids is a list of people as the API takes it.
func (t target) ids() wit.JSON { return wit.JSON("[" + peopleID(slices.Clone(t.people)) + "]") }

// name is the target as keys and narrows have it.
func (t target) name() string {
	if t.channel == "" {
		return peopleID(slices.Clone(t.people))
	}
	return channelPrefix + t.channel + "/" + t.topic
}

// fill adds where a message goes.
func (t target) fill(p params) params {
	if t.channel == "" {
		return p.text("type", "direct").json("to", t.ids())
	}
	return p.text("type", "stream").text("to", t.channel).text("topic", t.topic)
}

// narrow are the messages there of somebody's ("Construct a narrow").
func (t target) narrow(sender string) wit.JSON {
	list := json.Array{}
	add := func(operator string, operand wit.JSON) {
		list = list.Add(json.Object{}.Text("operator", operator).Raw("operand", operand).JSON())
	}
	add("sender", number(sender))
	if t.channel == "" {
		add("dm", t.ids())
	} else {
		add("stream", number(t.channel))
		add("topic", json.Text(t.topic))
	}
	return list.JSON()
}

// number is an id as a number, and what is none as a text.
func number(s string) wit.JSON {
	if _, err := strconv.ParseInt(s, 10, 64); err == nil {
		return wit.JSON(s)
	}
	return json.Text(s)
}
