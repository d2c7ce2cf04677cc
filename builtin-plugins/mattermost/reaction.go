package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// React sets an emoji at a post (POST /reactions), or, with an empty one, takes back all that the bot has set there.
func (Mattermost) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, err := openPost(host, reaction.Account, reaction.Config, reaction.State, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	if reaction.Emoji == "" {
		return c.takeBack(reaction.ID)
	}
	name := emoji.Name(reaction.Emoji)
	if name == "" {
		return nil, wit.NewError(wit.CodeInvalid, "Mattermost's name of the emoji "+reaction.Emoji+" is not known here: give the name, such as :eyes:")
	}
	return c.done(reaction.ID, c.setEmoji(reaction.ID, name))
}

// setEmoji sets an emoji; one that is set already stays.
func (c *chat) setEmoji(id, name string) result {
	return c.call("POST", "/reactions", json.Object{}.Text("user_id", c.state.me.id).Text("post_id", id).Text("emoji_name", name).JSON())
}

func (c *chat) unsetEmoji(id, name string) result {
	return c.call("DELETE", "/users/me/posts/"+id+"/reactions/"+name, nil)
}

// takeBack removes each emoji that the bot has set at a post.
func (c *chat) takeBack(id string) (*wit.Sent, error) {
	r := c.call("GET", "/posts/"+id+"/reactions", nil)
	if err := r.err(); err != nil {
		return nil, err
	}
	for v := range r.Value.Items() {
		name := v.Get("emoji_name").Text()
		if v.Get("user_id").Text() != c.state.me.id || !emoji.IsName(name) {
			continue
		}
		if r := c.unsetEmoji(id, name); !r.ok && r.Status != 404 {
			return nil, r.err()
		}
	}
	return &wit.Sent{IDs: []string{id}}, nil
}

// Typing shows that an answer is being written (POST /users/me/typing).
func (Mattermost) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := newChat(host, typing.Account, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	if err := c.find(); err != nil {
		return nil, err
	}
	o := json.Object{}.Text("channel_id", c.channel)
	if root := texts.Of(typing.To.Thread); isID(root) {
		o = o.Text("parent_id", root)
	}
	return &wit.Sent{}, c.call("POST", "/users/me/typing", o.JSON()).err()
}
