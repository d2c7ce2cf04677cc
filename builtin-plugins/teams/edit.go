package teams

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// keepText is how long the text above buttons is remembered: Teams takes an activity as a whole, and tells no bot what was in it.
const keepText = 30 * 24 * time.Hour

// remember writes down the text above buttons.
func (c *chat) remember(id string, p part) {
	if len(p.actions) == 0 {
		return
	}
	record := string(json.Object{}.Text("plain", p.words.plain).Text("html", p.words.html).JSON())
	if err := c.host.KVPut("text/"+id, record, keepText); err != nil {
		c.host.Warn("teams: the text above buttons cannot be remembered: " + err.Error())
	}
}

// remembered is the text above the buttons of a message.
func (c *chat) remembered(id string) (words, error) {
	record, ok, err := c.host.KVGet("text/" + id)
	if err != nil {
		return words{}, err
	}
	v, err := json.ParseText(record)
	if !ok || err != nil {
		return words{}, wit.NewError(wit.CodeNotFound, "the text of the message is not known any more, so its buttons stay")
	}
	return words{v.Get("plain").Text(), v.Get("html").Text()}, nil
}

// Edit replaces the text of a message that was sent, and its buttons (Bot Connector API, "Update Activity").
func (Teams) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := openChat(host, edit.Config, edit.State, edit.To)
	if err != nil {
		return nil, err
	}
	p := part{words: wordsOf(edit.Text, edit.Formatted), actions: edit.Actions}
	if edit.Text == "" {
		if p.words, err = c.remembered(edit.ID); err != nil {
			return nil, err
		}
	}
	where, activity := activityOf(edit.ID, edit.To)
	_, r := c.inForms(forms(p), func(body json.Object) (string, result) {
		return "", c.call("PUT", "/"+form.Escape(where)+"/activities/"+form.Escape(activity), body.Text("id", activity))
	})
	if err := r.err(); err != nil {
		return nil, err
	}
	c.remember(edit.ID, p)
	return &wit.Sent{IDs: []string{edit.ID}}, nil
}

// Delete takes back a message that was sent (Bot Connector API, "Delete Activity"). One that is gone is what was wanted.
func (Teams) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := openChat(host, target.Config, target.State, target.To)
	if err != nil {
		return nil, err
	}
	where, activity := activityOf(target.ID, target.To)
	if r := c.call("DELETE", "/"+form.Escape(where)+"/activities/"+form.Escape(activity), nil); !r.Success() && !r.is("ActivityNotFoundInConversation") {
		return nil, r.err()
	}
	return &wit.Sent{IDs: []string{target.ID}}, nil
}
