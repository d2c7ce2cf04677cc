package telegram

import (
	"strconv"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Limits of a poll in characters, and how many options it has (sendPoll).
const (
	maxQuestion  = 300
	maxOption    = 100
	leastOptions = 2
	mostOptions  = 12
)

// Poll asks a question with options, of which people choose one, or as many as they like: Telegram knows no number between. Who has
// chosen what is seen by all, but in channels, where Telegram takes no other polls.
func (Telegram) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	c, err := newChat(host, poll.Config, poll.To)
	if err != nil {
		return nil, err
	}
	if n := len(poll.Options); n < leastOptions || n > mostOptions {
		return nil, wit.NewError(wit.CodeInvalid, "a poll of Telegram has 2 to 12 options, not "+strconv.Itoa(n))
	}
	p, err := c.topic(poll.To.Thread)
	if err != nil {
		return nil, err
	}
	options, asked := json.Array{}, ballot.Poll{To: poll.To, Question: beginning(poll.Question, maxQuestion)}
	for _, option := range poll.Options {
		option = beginning(option, maxOption)
		options = options.Add(json.Object{}.Text("text", option).JSON())
		asked.Options = append(asked.Options, option)
	}
	p = p.text("question", asked.Question).json("options", string(options.JSON()))
	if poll.To.Kind != wit.ConversationKindChannel {
		p = p.json("is_anonymous", "false")
	}
	if poll.MaxSelections > 1 {
		p = p.json("allows_multiple_answers", "true")
	}
	r := c.call("sendPoll", p)
	if c.leaves(r, p) {
		r = c.call("sendPoll", p)
	}
	sent := &wit.Sent{}
	if c.movedTo != "" {
		sent = c.moved(poll.To)
		c.id, asked.To = c.movedTo, *sent.Moved
		r = c.call("sendPoll", p.outside()) // a supergroup has no topics yet
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	asked.Message = c.id + ":" + r.Value.Get("message_id").Text()
	if id := r.Value.Get("poll", "id").Text(); id != "" && !r.Value.Get("poll", "is_anonymous").Bool() {
		asked.Keep(host, id)
	}
	sent.IDs = []string{asked.Message}
	return sent, nil
}

// beginning is the beginning of s of at most so many characters, which says that there is more.
func beginning(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
