package ntfy

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// newServer is what servers need to be that know sequence ids.
const newServer = "the ntfy server is older than 2.16, the first that changes or takes back what was published"

// Edit publishes another text under the sequence id of a message ("Updating notifications"). Buttons alone cannot be taken away: the
// notification is cleared with them.
func (Ntfy) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := openChat(host, edit.Account, edit.Config, edit.To)
	if err != nil {
		return nil, err
	}
	if !isMark(edit.ID) {
		return nil, wit.NewError(wit.CodeNotFound, "this message was not published by this account")
	}
	if !isVisible(edit.Text) {
		return c.changed(edit.ID, c.do(&wit.HTTPRequest{ID: "clear", Method: "PUT", URL: c.settings.server + "/" + c.out + "/" + edit.ID + "/clear"}))
	}
	send := &wit.ChannelSend{Text: edit.Text, Formatted: edit.Formatted, Actions: edit.Actions}
	parts := c.partsOf(send)
	if len(parts) != 1 {
		return nil, wit.NewError(wit.CodeTooLarge, "the new text is longer than a message of ntfy's can be")
	}
	_, r := c.publish(edit.ID, parts[0])
	if r.Success() && r.Value.Get("sequence_id").Text() != edit.ID {
		host.Warn("ntfy: a changed text is a message of its own: " + newServer)
	}
	return c.changed(edit.ID, r)
}

// Delete takes a message back ("Deleting notifications").
func (Ntfy) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := openChat(host, target.Account, target.Config, target.To)
	if err != nil {
		return nil, err
	}
	if !isMark(target.ID) {
		return nil, wit.NewError(wit.CodeNotFound, "this message was not published by this account")
	}
	return c.changed(target.ID, c.do(&wit.HTTPRequest{ID: "delete", Method: "DELETE", URL: c.settings.server + "/" + c.out + "/" + target.ID}))
}

// changed is the answer to a change. A server that does not know the address does not know sequence ids.
func (c *chat) changed(id string, r result) (*wit.Sent, error) {
	err := r.err()
	switch {
	case err == nil:
		return &wit.Sent{IDs: []string{id}}, nil
	case r.Status == 404 || r.Status == 405:
		return nil, wit.NewError(wit.CodeInvalid, newServer)
	}
	return nil, err
}
