package nextcloud

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// openMessage returns the room of a message that was sent. The error is invalid for what is no message.
func openMessage(host *sdk.Host, account string, config, state wit.JSON, to wit.Conversation, id string) (*talk, error) {
	if !isID(id) {
		return nil, wit.NewError(wit.CodeInvalid, texts.Clip(id, 100)+" is not a message of Talk")
	}
	t, err := newTalk(host, account, config, state)
	if err != nil {
		return nil, err
	}
	return t, t.open(to.ID)
}

// Edit replaces the text of a message that was sent ("Editing a chat message", since Talk 19).
func (Nextcloud) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	t, err := openMessage(host, edit.Account, edit.Config, edit.State, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	r := t.call("PUT", t.chat()+"/"+edit.ID, params(nil).text("message", quiet(edit.Text)))
	return &wit.Sent{IDs: []string{edit.ID}}, r.err()
}

// Delete takes a message back ("Deleting a chat message"). One that is gone already is no error.
func (Nextcloud) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	t, err := openMessage(host, target.Account, target.Config, target.State, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	r := t.call("DELETE", t.chat()+"/"+target.ID, nil)
	r.ok = r.ok || r.Failure == nil && (r.Status == 404 || r.Status == 405)
	return &wit.Sent{IDs: []string{target.ID}}, r.err()
}

// React sets an emoji at a message, or takes all of the account's back when it is "" ("Reaction management"). One that is
// there already is no error.
func (Nextcloud) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	t, err := openMessage(host, reaction.Account, reaction.Config, reaction.State, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	path := talk1 + "/reaction/" + form.Escape(t.room) + "/" + reaction.ID
	sent := &wit.Sent{IDs: []string{reaction.ID}}
	if reaction.Emoji == "" {
		return sent, t.unreact(path)
	}
	r := t.call("POST", path, params(nil).text("reaction", reaction.Emoji))
	r.ok = r.ok || r.Failure == nil && r.Status == 409
	return sent, r.err()
}

// unreact takes the account's reactions to a message back. Which they are, the server tells.
func (t *talk) unreact(path string) error {
	r := t.call("GET", path, nil)
	if err := r.err(); err != nil {
		return err
	}
	for emoji, people := range r.data.Fields() {
		for who := range people.Items() {
			if personOf(who).ID != "users/"+t.state.me.id {
				continue
			}
			gone := t.call("DELETE", path, params(nil).text("reaction", emoji))
			if err := gone.err(); err != nil && wit.CodeOf(err) != wit.CodeNotFound {
				return err
			}
		}
	}
	return nil
}
