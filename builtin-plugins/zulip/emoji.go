package zulip

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// React sets an emoji at a message ("Add an emoji reaction"), or takes all of the account's back when it is "". One that is there
// already is no error.
func (Zulip) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	t, err := openMessage(host, reaction.Account, reaction.Config, reaction.State, reaction.ID)
	if err != nil {
		return nil, err
	}
	if reaction.Emoji == "" {
		return &wit.Sent{IDs: []string{reaction.ID}}, t.unreact(reaction.ID)
	}
	name, err := t.emojiName(reaction.Emoji)
	if err != nil {
		return nil, err
	}
	r := t.call("POST", "/messages/"+reaction.ID+"/reactions", params(nil).text("emoji_name", name))
	r.ok = r.ok || r.is("REACTION_ALREADY_EXISTS")
	return &wit.Sent{IDs: []string{reaction.ID}}, r.err()
}

// unreact takes the account's reactions to a message back ("Remove an emoji reaction"). Which they are, the message tells.
func (t *talk) unreact(id string) error {
	r := t.call("GET", "/messages/"+id, params(nil).text("apply_markdown", "false"))
	if err := r.err(); err != nil {
		return err
	}
	for e := range r.Value.Get("message", "reactions").Items() {
		if e.Get("user_id").Text() != t.state.me.id {
			continue
		}
		gone := t.call("DELETE", "/messages/"+id+"/reactions", params(nil).text("emoji_name", e.Get("emoji_name").Text()).
			text("emoji_code", e.Get("emoji_code").Text()).text("reaction_type", e.Get("reaction_type").Text()))
		if err := gone.err(); err != nil && !gone.is("REACTION_DOES_NOT_EXIST") {
			return err
		}
	}
	return nil
}

// emojiTime is for how long it is remembered what the server calls an emoji.
const emojiTime = 30 * 24 * time.Hour

// emojiName is what the server calls an emoji: it takes no characters. A name between colons is one already, of an emoji of the
// organization's, say.
func (t *talk) emojiName(emoji string) (string, error) {
	if name := strings.Trim(emoji, ":"); len(name) == len(emoji)-2 && name != "" {
		return name, nil
	}
	codes := emojiCodes(emoji)
	key := "emoji/" + codes[0]
	if name := t.recall(key); name != "" {
		return name, nil
	}
	names, err := t.emojiNames()
	if err != nil {
		return "", err
	}
	for _, code := range codes {
		for name := range names.Get(code).Items() {
			t.remember(key, name.Text(), emojiTime)
			return name.Text(), nil
		}
	}
	return "", wit.NewError(wit.CodeInvalid, "Zulip has no emoji "+texts.Clip(emoji, 40)+": take another one")
}

// emojiCodes are the codes that an emoji may have: its code points, without what only says how it is shown (U+FE0F), or with
// all of them.
func emojiCodes(emoji string) []string {
	var short, long []string
	for _, r := range texts.Clip(emoji, 64) {
		code := strconv.FormatInt(int64(r), 16)
		code = strings.Repeat("0", max(0, 4-len(code))) + code
		if long = append(long, code); r != 0xfe0f {
			short = append(short, code)
		}
	}
	return []string{strings.Join(short, "-"), strings.Join(long, "-")}
}

// emojiNames asks for the names of all emoji (server_emoji_data_url in "Register an event queue"). The list is open to anybody, and may be on
// another host: it is asked for without the account's login.
func (t *talk) emojiNames() (json.Value, error) {
	address := t.state.emoji
	if address == "" {
		return json.Value{}, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Zulip: the server has not said yet where its list of emoji is"}
	}
	if strings.HasPrefix(address, "/") {
		address = t.settings.root + address
	}
	response, err := t.host.HTTP(&wit.HTTPRequest{ID: "emoji", URL: address, Timeout: callTimeout})
	if err != nil {
		return json.Value{}, err
	}
	v, err := json.ParseText(texts.Of(response.Text))
	if err != nil || !v.Get("code_to_names").IsObject() {
		return json.Value{}, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Zulip: the list of emoji is not there (status " + strconv.Itoa(int(response.Status)) + ")"}
	}
	return v.Get("code_to_names"), nil
}
