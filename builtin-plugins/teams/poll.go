package teams

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Teams has no polls for bots, so one is an Adaptive Card with an Input.ChoiceSet (adaptivecards.io, "Input.ChoiceSet"), which shows how
// many have chosen what (tally.go). What the card sends back has the question and the options in it, so that it can be made anew from that.

// The fields of what a card sends back.
const (
	pollField   = "carapacePoll"    // the question
	optionField = "carapaceOptions" // a list
	manyField   = "carapaceMany"    // whether several may be chosen
	choiceField = "carapaceChoice"  // the numbers of what was chosen, between commas
)

// Limits of a poll, which keep the card and what it sends back well within what a message may have.
const (
	mostOptions = 20
	maxQuestion = 1000 // bytes
	maxOption   = 200  // bytes
)

// Poll asks a question with options, of which people choose one, or as many as they like.
func (Teams) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	c, err := openChat(host, poll.Config, poll.State, poll.To)
	if err != nil {
		return nil, err
	}
	if n := len(poll.Options); n < 1 || n > mostOptions {
		return nil, wit.NewError(wit.CodeInvalid, "a poll of Teams has 1 to 20 options here, not "+strconv.Itoa(n))
	}
	q := question{text: texts.Clip(poll.Question, maxQuestion), many: poll.MaxSelections > 1}
	for _, option := range poll.Options {
		q.options = append(q.options, texts.Clip(option, maxOption))
	}
	id, r := c.post(with(json.Object{}.Text("type", "message"), q.card(nil)))
	if err := r.err(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{id}, Moved: c.moved}, nil
}

// question is what a poll asks.
type question struct {
	text    string
	options []string
	many    bool
}

// readQuestion reads what a card sends back.
func readQuestion(data json.Value) question {
	q := question{text: texts.Clip(data.Get(pollField).Text(), maxQuestion), many: data.Get(manyField).Bool()}
	for option := range data.Get(optionField).Items() {
		if len(q.options) < mostOptions {
			q.options = append(q.options, texts.Clip(option.Text(), maxOption))
		}
	}
	return q
}

// data is the question as a card sends it back.
func (q question) data() json.Object {
	options := json.Array{}
	for _, option := range q.options {
		options = options.Add(json.Text(option))
	}
	return json.Object{}.Text(pollField, q.text).Raw(optionField, options.JSON()).Bool(manyField, q.many)
}

// card is the poll's card. votes are how many have chosen each option, nil for nobody yet.
func (q question) card(votes []int) wit.JSON {
	choices, facts := json.Array{}, json.Array{}
	for i, option := range q.options {
		choices = choices.Object(func(o json.Object) json.Object { return o.Text("title", option).Text("value", strconv.Itoa(i)) })
		if votes != nil {
			facts = facts.Object(func(o json.Object) json.Object { return o.Text("title", option).Text("value", strconv.Itoa(votes[i])) })
		}
	}
	body := json.Array{}.Object(func(o json.Object) json.Object {
		return o.Text("type", "TextBlock").Text("text", q.text).Bool("wrap", true).Text("weight", "bolder")
	}).Object(func(o json.Object) json.Object {
		return o.Text("type", "Input.ChoiceSet").Text("id", choiceField).Text("style", "expanded").Bool("wrap", true).
			Bool("isMultiSelect", q.many).Raw("choices", choices.JSON())
	})
	if votes != nil {
		body = body.Object(func(o json.Object) json.Object { return o.Text("type", "FactSet").Raw("facts", facts.JSON()) })
	}
	data := q.data().JSON()
	button := func(kind string) json.Object {
		return json.Object{}.Text("type", kind).Text("title", "✓").Raw("data", data)
	}
	buttons := json.Array{}.Add(button("Action.Execute").Text("verb", "vote").Raw("fallback", button("Action.Submit").JSON()).JSON())
	return adaptiveCard(body.JSON(), buttons.JSON())
}

// chosenIn are the numbers of the options that a card's answer names, each once.
func (q question) chosenIn(data json.Value) (numbers []int) {
	for number := range strings.SplitSeq(data.Get(choiceField).Text(), ",") {
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < len(q.options) && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// voted takes what somebody has chosen in a poll. Nobody is answered for it, but whoever is asked next should know, and the card shows it.
func (a *answer) voted(v, data json.Value) {
	asked := v.Get("replyToId").Text()
	if asked == "" {
		return
	}
	q := readQuestion(data)
	numbers := q.chosenIn(data)
	var chosen []string
	for _, n := range numbers {
		chosen = append(chosen, q.options[n])
	}
	where := v.Get("conversation", "id").Text()
	p := ballot.Poll{Message: messageID(where, asked), Question: q.text}
	m, told := a.base(v, wit.MessageKindService), p.Chosen(wit.Person{}, chosen...)
	m.Text, m.ReplyTo = told.Text, told.ReplyTo
	a.Message(m)
	if len(q.options) > 0 && m.Sender.ID != "" {
		url := slashed(v.Get("serviceUrl").Text()) + "v3/conversations/" + form.Escape(where) + "/activities/" + form.Escape(asked)
		a.count(short(p.Message), tally{question: q, url: url, activity: asked}, m.Sender.ID, numbers)
	}
}
