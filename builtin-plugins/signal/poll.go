package signal

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

var _ channel.Poller = Signal{}

// How many options a poll has (sendPollCreate, --option).
const (
	leastOptions = 2
	mostOptions  = 10
)

// Poll asks a question with options, of which people choose one, or as many as they like: Signal knows no number between (sendPollCreate).
func (Signal) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	c, err := openChat(host, poll.Config, poll.State, poll.To)
	if err != nil {
		return nil, err
	}
	if n := len(poll.Options); n < leastOptions || n > mostOptions {
		return nil, wit.NewError(wit.CodeInvalid, "a poll of Signal has 2 to 10 options, not "+strconv.Itoa(n))
	}
	options := json.Array{}
	for _, option := range poll.Options {
		options = options.Add(json.Text(option))
	}
	params := c.params().Text("question", poll.Question).Raw("option", options.JSON())
	if poll.MaxSelections <= 1 {
		params = params.Bool("noMulti", true)
	}
	r := c.settings.rpc("poll", "sendPollCreate", params)
	r.Timeout = sendTimeout
	out := timed(c.call(r))
	if !out.ok() {
		return nil, out.err()
	}
	return &wit.Sent{IDs: []string{c.sentID(out)}}, nil
}
