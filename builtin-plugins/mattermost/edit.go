package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Edit replaces the text of a post, and its buttons (PUT /posts/{id}/patch). What a patch does not name stays; the buttons stand among
// the properties, which it replaces together.
func (Mattermost) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := openPost(host, edit.Account, edit.Config, edit.State, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	o := json.Object{}
	if edit.Text != "" {
		o = o.Raw("message", inert(c.worded(edit.Text, edit.Actions)))
	}
	if len(edit.Actions) > 0 {
		o = o.Raw("props", c.props("", edit.Actions))
	}
	var r result
	if len(o) > 0 {
		request := c.settings.call("", "PUT", "/posts/"+edit.ID+"/patch", o.JSON())
		request.Fill = c.hasButtons(edit.Actions)
		r = c.do(request)
	} else {
		r = c.call("GET", "/posts/"+edit.ID, nil)
	}
	if r.ok && len(edit.Actions) == 0 {
		if c.withdraw(edit.ID); r.Value.Get("props", "attachments").Exists() {
			r = c.call("PUT", "/posts/"+edit.ID+"/patch", json.Object{}.Raw("props", without(r.Value.Get("props"), "attachments")).JSON())
		}
	}
	if r.ok {
		c.offer(edit.ID, edit.Actions)
	}
	return c.done(edit.ID, r)
}

// without is an object without one of its fields.
func without(v json.Value, name string) wit.JSON {
	o := json.Object{}
	for field, value := range v.Fields() {
		if field != name {
			o = o.Raw(field, value.Raw())
		}
	}
	return o.JSON()
}

// Delete takes back a post (DELETE /posts/{id}). One that is gone is what was wanted.
func (Mattermost) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := openPost(host, target.Account, target.Config, target.State, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	r := c.call("DELETE", "/posts/"+target.ID, nil)
	if r.Status == 404 && r.reason != "" {
		r.ok = true
	}
	return c.done(target.ID, r)
}
