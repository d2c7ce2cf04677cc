// Package ballot is what a channel keeps of the polls that it has asked, for platforms whose votes say no more of a poll than its id
// and the numbers of options, and how it tells what people have chosen. Keep and Recall need the permission kv.
package ballot

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// keep is how long a poll is remembered; votes that come later are not told.
const keep = 30 * 24 * time.Hour

// Poll is a question that was asked.
type Poll struct {
	To       wit.Conversation
	Message  string // its id
	Question string
	Options  []string
}

func key(id string) string { return "poll/" + id }

// Keep remembers a poll under an id that is its own among all accounts of the plugin. One that cannot be kept stands in the chat all the
// same, so that is no error: the log says that its votes will not be told.
func (p *Poll) Keep(host *sdk.Host, id string) {
	options := json.Array{}
	for _, option := range p.Options {
		options = options.Add(json.Text(option))
	}
	record := json.Object{}.Raw("to", wit.Marshal(&p.To)).Text("message", p.Message).Text("question", p.Question).Raw("options", options.JSON())
	if err := host.KVPut(key(id), string(record.JSON()), keep); err != nil {
		host.Warn("the votes of a poll will not be told: " + err.Error())
	}
}

// Recall returns the poll with this id; ok is false for one that is not remembered, such as one that somebody else has asked.
func Recall(host *sdk.Host, id string) (p *Poll, ok bool) {
	stored, ok, err := host.KVGet(key(id))
	if err != nil || !ok {
		return nil, false
	}
	p = &Poll{}
	v, err := json.ParseText(stored)
	if err != nil || wit.Unmarshal(v.Get("to").Raw(), &p.To) != nil {
		return nil, false
	}
	p.Message, p.Question = v.Get("message").Text(), v.Get("question").Text()
	for option := range v.Get("options").Items() {
		p.Options = append(p.Options, option.Text())
	}
	return p, true
}

// Option returns the words of an option, of which the first is 0; of one that is not there, that somebody has added it.
func (p *Poll) Option(n int64) string {
	if n < 0 || n >= int64(len(p.Options)) {
		return "an option that was added"
	}
	return p.Options[n]
}

// Chosen is the message that tells that somebody has chosen these options, or, without any, has taken back what they chose. Nobody is
// answered for it, but whoever is asked next should know. The caller sets its id and time.
func (p *Poll) Chosen(who wit.Person, options ...string) wit.Message {
	if len(options) == 0 {
		return p.Tell(who, "took back the vote in the poll “"+p.Question+"”")
	}
	return p.Tell(who, "voted in the poll “"+p.Question+"”: "+strings.Join(options, ", "))
}

// TakenBack is the message that tells that somebody does not choose an option any more. The caller sets its id and time.
func (p *Poll) TakenBack(who wit.Person, option string) wit.Message {
	return p.Tell(who, "took back the vote in the poll “"+p.Question+"”: "+option)
}

// Tell is the message that tells what somebody has done to the poll, as words such as "voted". The caller sets its id and time.
func (p *Poll) Tell(who wit.Person, words string) wit.Message {
	return wit.Message{Kind: wit.MessageKindService, Conversation: p.To, Sender: who, Text: "[" + words + "]", ReplyTo: &wit.Quoted{ID: p.Message}}
}
