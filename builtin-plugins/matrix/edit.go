package matrix

import (
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// openMessage returns the room of a message that was sent. The error is invalid for what is no message.
func openMessage(host *sdk.Host, config, state wit.JSON, to wit.Conversation, id string) (*talk, error) {
	t, err := newTalk(host, config, state)
	if err != nil {
		return nil, err
	}
	if id == "" || id[0] != '$' {
		return nil, wit.NewError(wit.CodeInvalid, id+" is not a message of Matrix")
	}
	return t, t.open(to.ID)
}

// once is a transaction id that no other request has: a text may be edited to what it was before.
func once(what string) string { return what + "-" + strconv.FormatInt(time.Now().UnixNano(), 36) }

// maxOld is how much of an edited text is shown by programs that do not know edits, in bytes.
const maxOld = 500

// Edit replaces the text of a message that was sent ("Event replacements").
func (Matrix) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	t, err := openMessage(host, edit.Config, edit.State, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	w := words{text: edit.Text, html: texts.Of(edit.Formatted)}
	r := t.replace(edit.ID, w)
	if code := r.meaning().Code; !r.ok && r.Failure == nil && w.html != "" && (code == wit.CodeTooLarge || code == wit.CodeInvalid) {
		host.Warn("matrix: a text is edited without formatting: " + r.message())
		w.html = ""
		r = t.replace(edit.ID, w)
	}
	return &wit.Sent{IDs: []string{edit.ID}}, r.err()
}

// replace sends the event that replaces a text.
func (t *talk) replace(id string, w words) result {
	kind := "m.text"
	if t.settings.notices {
		kind = "m.notice"
	}
	content := json.Object{}.Text("msgtype", kind).Text("body", "* "+texts.Clip(w.text, maxOld)).Object("m.mentions", func(o json.Object) json.Object { return o })
	content = content.Object("m.new_content", func(o json.Object) json.Object { return said(o.Text("msgtype", kind), w) })
	content = content.Object("m.relates_to", func(o json.Object) json.Object { return o.Text("rel_type", replaces).Text("event_id", id) })
	return t.put("m.room.message", once("edit"), content)
}

// Delete takes a message back ("Redactions"). One that is gone already is no error.
func (Matrix) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	t, err := openMessage(host, target.Config, target.State, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	r := t.redact(target.ID)
	return &wit.Sent{IDs: []string{target.ID}}, r.err()
}

// redact takes an event back.
func (t *talk) redact(id string) result {
	r := t.call("PUT", roomPath(t.room, "redact", id, "redact-"+id), json.Object{})
	r.ok = r.ok || r.is("M_NOT_FOUND")
	return r
}

// React sets an emoji at a message, or takes all of the account's back when it is "" ("Event annotations and
// reactions"). One that is there already is no error.
func (Matrix) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	t, err := openMessage(host, reaction.Config, reaction.State, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	if reaction.Emoji == "" {
		return &wit.Sent{IDs: []string{reaction.ID}}, t.unreact(reaction.ID)
	}
	r := t.put("m.reaction", once("react"), json.Object{}.Object("m.relates_to", func(o json.Object) json.Object {
		return o.Text("rel_type", "m.annotation").Text("event_id", reaction.ID).Text("key", reaction.Emoji)
	}))
	r.ok = r.ok || r.is("M_DUPLICATE_ANNOTATION")
	return &wit.Sent{IDs: []string{reaction.ID}}, r.err()
}

// unreact takes the account's reactions to a message back. Which they are, the server tells ("Relationships API").
func (t *talk) unreact(id string) error {
	path := "/_matrix/client/v1/rooms/" + form.Escape(t.room) + "/relations/" + form.Escape(id) + "/m.annotation/m.reaction?limit=100"
	r := t.call("GET", path, nil)
	if err := r.err(); err != nil {
		return err
	}
	for e := range r.Value.Get("chunk").Items() {
		if e.Get("sender").Text() != t.state.me.id {
			continue
		}
		if err := t.redact(e.Get("event_id").Text()).err(); err != nil {
			return err
		}
	}
	return nil
}

// typingTime is for how long it is shown that somebody types, in milliseconds: a little longer than until the kernel
// says it again.
const typingTime = 8_000

// Typing shows for a while that an answer is being written ("Typing Notifications").
func (Matrix) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	t, err := newTalk(host, typing.Config, typing.State)
	if err != nil {
		return nil, err
	}
	if err := t.open(typing.To.ID); err != nil {
		return nil, err
	}
	if t.state.me.id == "" {
		return nil, notConnected()
	}
	r := t.call("PUT", roomPath(t.room, "typing", t.state.me.id), json.Object{}.Bool("typing", true).Int("timeout", typingTime))
	return &wit.Sent{}, r.err()
}
