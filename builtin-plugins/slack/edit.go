package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Edit replaces the text of a message that was sent, and its buttons (chat.update). Blocks that are not named would stay,
// so they always are.
func (Slack) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, ts, err := openMessage(host, edit.Account, edit.Config, edit.State, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	f := form.Of("channel", c.channel, "ts", ts)
	if edit.Text == "" {
		return c.rearrange(f, edit, ts)
	}
	w := newWords(edit.Text, edit.Formatted)
	r := c.update(f, w, edit.Actions)
	if w.marked != "" && r.is("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text") {
		r = c.update(f, words{plain: w.plain}, edit.Actions)
	}
	return c.done(edit.ID, r)
}

func (c *chat) update(f form.Form, w words, actions []wit.ActionRow) result {
	f = c.content(f, w, actions)
	if len(actions) == 0 {
		f = f.With("blocks", "[]")
	}
	return c.call("chat.update", f)
}

// maxChanged is how long a text may be that takes the place of another, in bytes (chat.update, msg_too_long).
const maxChanged = 4000

// rearrange replaces the buttons of a message and leaves its text. That has to be said again, so it is looked up.
func (c *chat) rearrange(f form.Form, edit *wit.ChannelEdit, ts string) (*wit.Sent, error) {
	m, err := c.lookup(ts, edit.To.Thread)
	if err != nil {
		return nil, err
	}
	list, text := json.Array{}, m.Get("text").Text()
	for block := range m.Get("blocks").Items() {
		if kind := block.Get("type").Text(); kind != "actions" {
			list = list.Add(block.Raw())
		}
	}
	if !m.Get("blocks").Exists() && len(edit.Actions) > 0 {
		for _, piece := range pieces(text, maxSection) {
			list = list.Add(json.Object{}.Text("type", "section").Raw("text", json.Object{}.Text("type", "mrkdwn").Text("text", piece).JSON()).JSON())
		}
	}
	if len(list) > 0 || len(edit.Actions) > 0 {
		text = texts.Clip(text, maxChanged) // blocks are shown, the text is for notifications
	}
	f = f.With("text", text).With("blocks", string(appendActions(list, edit.Actions).JSON()))
	return c.done(edit.ID, c.call("chat.update", f))
}

// lookup returns a message as it is now. What is in a thread is found there only.
func (c *chat) lookup(ts string, thread *string) (json.Value, error) {
	method, f := "conversations.history", form.Of("channel", c.channel, "latest", ts, "oldest", ts, "inclusive", "true", "limit", "1")
	if thread != nil && isTime(*thread) {
		method, f = "conversations.replies", f.With("ts", *thread)
	}
	r := c.call(method, f)
	if err := r.err(); err != nil {
		return json.Value{}, err
	}
	for m := range r.Value.Get("messages").Items() {
		if m.Get("ts").Text() == ts {
			return m, nil
		}
	}
	return json.Value{}, wit.NewError(wit.CodeNotFound, "the message is not there any more")
}

// Delete takes back a message that was sent (chat.delete), or files (files.delete). One that is gone is what was wanted.
func (Slack) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	if channel, file := split(target.ID); channel != "" && len(file) > len("file:") && file[:len("file:")] == "file:" {
		target.To.ID = channel
		c, err := newChat(host, target.Account, target.Config, target.State, target.To)
		if err != nil {
			return nil, err
		}
		return c.done(target.ID, c.call("files.delete", form.Of("file", file[len("file:"):])), "file_not_found", "file_deleted")
	}
	c, ts, err := openMessage(host, target.Account, target.Config, target.State, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	return c.done(target.ID, c.call("chat.delete", form.Of("channel", c.channel, "ts", ts)), "message_not_found")
}
