package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// vote is what somebody has chosen in a poll of this bot's (PollAnswer), nil for another poll.
func (a *answer) vote(v json.Value, id string) *inbound {
	p, ok := ballot.Recall(a.Host, v.Get("poll_id").Text())
	if !ok {
		return nil
	}
	who := readPerson(v.Get("user"))
	if who.id == "" {
		who = readPerson(v.Get("voter_chat")) // somebody who acts in a chat's name
	}
	var chosen []string
	for option := range v.Get("option_ids").Items() {
		chosen = append(chosen, p.Option(option.Int()))
	}
	m := p.Chosen(*who.wit(), chosen...)
	m.ID, m.Time = id, a.Now
	return &inbound{message: m}
}
