package session

import (
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Destination is where somebody wants an answer delivered. The zero value is nowhere.
type Destination struct {
	// Wanted says that it is to be delivered: to To on Channel where both are named, else to where the
	// session was last spoken to from a channel, which has to be Channel if that is named. The channel
	// "last" is no name.
	Wanted bool
	// Channel, Account, To and Thread name a conversation, and ReplyTo a message in it.
	Channel, Account, To, Thread, ReplyTo string
	// Of is the session whose last conversation is meant; the answering one when empty.
	Of Key
	// Required makes it an error that there is no such conversation.
	Required bool
}

// lastChannel is how clients write that they do not name a channel.
const lastChannel = "last"

// Named is the channel that is named, "" where none is.
func (d Destination) Named() string {
	if d.Channel == lastChannel {
		return ""
	}
	return d.Channel
}

// Resolve finds the conversation for an answer in session e, nil where there is none.
//
// Errors: CodeNotFound if one is required; the store's.
func (d Destination) Resolve(tx store.Tx, e Entry) (*message.Origin, error) {
	if !d.Wanted {
		return nil, nil
	}
	channel := d.Named()
	if d.To != "" && channel != "" {
		c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: d.To}
		if d.Thread != "" {
			c.Thread = &d.Thread
		}
		return &message.Origin{Channel: channel, Account: d.Account, Conversation: &c, MessageID: d.ReplyTo}, nil
	}
	if d.Of != "" && d.Of != e.Key {
		var err error
		if e, err = Get(tx, d.Of); err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return nil, err
		}
	}
	if e.Route != nil && (channel == "" || channel == e.Route.Channel) {
		return e.Route.Room(), nil
	}
	if d.Required {
		return nil, NobodyThere()
	}
	return nil, nil
}

// NobodyThere says that there is no conversation for an answer: CodeNotFound.
func NobodyThere() error {
	return wit.NewError(wit.CodeNotFound, "there is nobody to deliver to: nobody has talked to the assistant there yet, so name the channel and to whom")
}
