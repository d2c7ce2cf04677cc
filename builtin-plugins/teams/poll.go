package teams

import (
	"strconv"
	"strings"

	sdk "github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Teams has no polls for bots, so one is an Adaptive Card with an Input.ChoiceSet (adaptivecards.io, "Input.ChoiceSet"). Nobody sees what
// others have chosen. What the card sends back has the question and the options in it, so that nothing has to be remembered.

// The fields of what a card sends back.
const (
	pollField   = "carapacePoll"    // the question
	optionField = "carapaceOptions" // a list
	choiceField = "carapaceChoice"  // the numbers of what was chosen, between commas
)

// Limits of a poll, which keep the card and what it sends back well within a message's 28 KB.
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
	id, r := c.post(with(json.Object{}.Text("type", "message"), pollCard(poll)))
	if err := r.err(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{id}, Moved: c.moved}, nil
}

// pollCard is the card of a poll.
func pollCard(poll *wit.ChannelPoll) wit.JSON {
	question := texts.Clip(poll.Question, maxQuestion)
	choices, options := json.Array{}, json.Array{}
	for i, option := range poll.Options {
		option = texts.Clip(option, maxOption)
		choices = choices.Object(func(o json.Object) json.Object { return o.Text("title", option).Text("value", strconv.Itoa(i)) })
		options = options.Add(json.Text(option))
	}
	body := json.Array{}.Object(func(o json.Object) json.Object {
		return o.Text("type", "TextBlock").Text("text", question).Bool("wrap", true).Text("weight", "bolder")
	}).Object(func(o json.Object) json.Object {
		return o.Text("type", "Input.ChoiceSet").Text("id", choiceField).Text("style", "expanded").Bool("wrap", true).
			Bool("isMultiSelect", poll.MaxSelections > 1).Raw("choices", choices.JSON())
	})
	data := json.Object{}.Text(pollField, question).Raw(optionField, options.JSON()).JSON()
	button := func(kind string) json.Object {
		return json.Object{}.Text("type", kind).Text("title", "✓").Raw("data", data)
	}
	buttons := json.Array{}.Add(button("Action.Execute").Text("verb", "vote").Raw("fallback", button("Action.Submit").JSON()).JSON())
	return adaptiveCard(body.JSON(), buttons.JSON())
}

// voted takes what somebody has chosen in a poll. Nobody is answered for it, but whoever is asked next should know.
func (a *answer) voted(v, data json.Value) {
	asked := v.Get("replyToId").Text()
	if asked == "" {
		return
	}
	var options, chosen []string
	for option := range data.Get(optionField).Items() {
		options = append(options, texts.Clip(option.Text(), maxOption))
	}
	for number := range strings.SplitSeq(data.Get(choiceField).Text(), ",") {
		if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < len(options) && len(chosen) < mostOptions {
			chosen = append(chosen, options[n])
		}
	}
	p := ballot.Poll{Message: messageID(v.Get("conversation", "id").Text(), asked), Question: texts.Clip(data.Get(pollField).Text(), maxQuestion)}
	m, told := a.base(v, wit.MessageKindService), p.Chosen(wit.Person{}, chosen...)
	m.Text, m.ReplyTo = told.Text, told.ReplyTo
	a.Message(m)
}
