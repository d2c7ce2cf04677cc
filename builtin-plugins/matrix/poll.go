package matrix

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Polls are of MSC3381 (github.com/matrix-org/matrix-spec-proposals). Programs that people use know them by the names that the proposal
// had before it was taken, so a poll is sent under these, with what it is called now beside it; both are read.
const (
	pollStart    = "org.matrix.msc3381.poll.start"
	pollResponse = "org.matrix.msc3381.poll.response"
)

// Limits of a poll: the proposal's, and what keeps an event within its size.
const (
	maxAnswers = 20
	maxAsked   = 1000 // bytes of the question
	maxAnswer  = 200  // bytes of an answer
)

// answerID begins the ids of the answers of this plugin's polls, before their words: what somebody has chosen is known from the vote alone.
const answerID = "carapace:"

// Poll asks a question with options. Who has chosen what is seen by all.
func (Matrix) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	t, err := newTalk(host, poll.Config, poll.State)
	if err != nil {
		return nil, err
	}
	if n := len(poll.Options); n < 1 || n > maxAnswers {
		return nil, wit.NewError(wit.CodeInvalid, "a poll of Matrix has 1 to 20 options, not "+strconv.Itoa(n))
	}
	if known := t.state.rooms.find(poll.To.ID); known != nil && known.next != "" {
		to := poll.To
		to.ID = known.next
		return &wit.Sent{Moved: &to}, nil
	}
	if err := t.open(poll.To.ID); err != nil {
		return nil, err
	}
	out := outgoing{talk: t, kind: pollStart, key: poll.IdempotencyKey, relation: relation{thread: texts.Of(poll.To.Thread)}}
	if err := out.event(func() json.Object { return pollContent(poll) }); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: out.ids}, nil
}

// pollContent is a poll as an event has it, and in words for programs that know no polls.
func pollContent(poll *wit.ChannelPoll) json.Object {
	question := texts.Clip(poll.Question, maxAsked)
	inWords := question
	stable, before := json.Array{}, json.Array{}
	for i, option := range poll.Options {
		option = texts.Clip(option, maxAnswer)
		inWords += "\n" + strconv.Itoa(i+1) + ". " + option
		id := answerID + option
		stable = stable.Object(func(o json.Object) json.Object { return inForms(o.Text("m.id", id), option) })
		before = before.Object(func(o json.Object) json.Object {
			return o.Text("id", id).Text("org.matrix.msc1767.text", option)
		})
	}
	most := int64(max(poll.MaxSelections, 1))
	o := json.Object{}.Object(pollStart, func(o json.Object) json.Object {
		o = o.Object("question", func(o json.Object) json.Object { return o.Text("org.matrix.msc1767.text", question) })
		return o.Text("kind", "org.matrix.msc3381.poll.disclosed").Int("max_selections", most).Raw("answers", before.JSON())
	}).Text("org.matrix.msc1767.text", inWords)
	o = o.Object("m.poll", func(o json.Object) json.Object {
		o = o.Object("question", func(o json.Object) json.Object { return inForms(o, question) })
		return o.Text("kind", "m.disclosed").Int("max_selections", most).Raw("answers", stable.JSON())
	})
	return inForms(o, inWords)
}

// inForms adds a text as the specification has it ("Extensible events").
func inForms(o json.Object, text string) json.Object {
	return o.Array("m.text", func(list json.Array) json.Array {
		return list.Object(func(o json.Object) json.Object { return o.Text("body", text) })
	})
}

// voted makes a message of what somebody has chosen in a poll of this plugin's, nil of another one. Nobody is answered for it, but whoever
// is asked next should know.
func voted(m *wit.Message, content json.Value) *wit.Message {
	poll := readRelation(content).target
	if poll == "" || len(poll) > maxID {
		return nil
	}
	answers := content.Get("m.selections")
	if !answers.Exists() {
		answers = content.Get(pollResponse, "answers")
	}
	var chosen []string
	n := 0
	for answer := range answers.Items() {
		n++
		if option, ours := strings.CutPrefix(answer.Text(), answerID); ours && len(chosen) < maxAnswers {
			chosen = append(chosen, texts.Clip(option, maxAnswer))
		}
	}
	m.Kind, m.ReplyTo = wit.MessageKindService, &wit.Quoted{ID: poll}
	switch {
	case len(chosen) > 0:
		m.Text = "[voted in a poll: " + strings.Join(chosen, ", ") + "]"
	case n == 0:
		m.Text = "[took back the vote in a poll]"
	default:
		return nil
	}
	return m
}
