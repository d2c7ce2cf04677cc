package zulip

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// openMessage returns what changes a message that was sent. The error is invalid for what is no message.
func openMessage(host *sdk.Host, account string, config, state wit.JSON, id string) (*talk, error) {
	if !isID(id) {
		return nil, wit.NewError(wit.CodeInvalid, texts.Clip(id, 100)+" is not a message of Zulip")
	}
	return newTalk(host, account, config, state)
}

// Edit replaces the text of a message that was sent ("Edit a message"). Its link to what it answers stays.
func (Zulip) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	t, err := openMessage(host, edit.Account, edit.Config, edit.State, edit.ID)
	if err != nil {
		return nil, err
	}
	r := t.change(edit.ID, t.recall("reply/"+edit.ID)+withoutWildcards(edit.Text))
	return &wit.Sent{IDs: []string{edit.ID}}, r.err()
}

func (t *talk) change(id, content string) result {
	return t.call("PATCH", "/messages/"+id, params(nil).text("content", content))
}

// Delete takes a message back ("Delete a message"). Where the bot may not do that, nothing but a note of it stays, as when a
// person empties a message. One that is gone already is no error.
func (Zulip) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	t, err := openMessage(host, target.Account, target.Config, target.State, target.ID)
	if err != nil {
		return nil, err
	}
	r := t.call("DELETE", "/messages/"+target.ID, nil)
	if r.refused() {
		if there := t.call("GET", "/messages/"+target.ID, nil); there.refused() {
			return &wit.Sent{IDs: []string{target.ID}}, nil
		}
		host.Info("zulip: a message may not be deleted, so it is emptied: " + r.message())
		r = t.change(target.ID, "(deleted)")
	}
	return &wit.Sent{IDs: []string{target.ID}}, r.err()
}

// Typing shows for a while that an answer is being written ("Set typing status").
func (Zulip) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	t, err := newTalk(host, typing.Account, typing.Config, typing.State)
	if err != nil {
		return nil, err
	}
	to, err := targetOf(typing.To, t.settings)
	if err != nil {
		return nil, err
	}
	p := params(nil).text("op", "start")
	switch {
	case to.channel == "":
		p = p.text("type", "direct").json("to", to.ids())
	case isID(to.channel):
		p = p.text("type", "stream").text("stream_id", to.channel).text("topic", to.topic)
	default:
		return &wit.Sent{}, nil // a channel that was named by hand: nobody waits there yet
	}
	r := t.call("POST", "/typing", p)
	return &wit.Sent{}, r.err()
}

// Poll asks a question with options, by the words that make a poll of a message ("Polls").
func (Zulip) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	t, err := newTalk(host, poll.Account, poll.Config, poll.State)
	if err != nil {
		return nil, err
	}
	to, err := targetOf(poll.To, t.settings)
	if err != nil {
		return nil, err
	}
	asked := ballot.Poll{To: poll.To, Question: oneLine(poll.Question)}
	content := "/poll " + asked.Question
	for _, option := range poll.Options {
		asked.Options = append(asked.Options, oneLine(option))
		content += "\n" + listed(oneLine(option))
	}
	o := t.begin(to, poll.IdempotencyKey)
	if err := o.part(0, content); err != nil {
		return nil, err
	}
	asked.Message = o.IDs[len(o.IDs)-1]
	asked.Keep(host, poll.Account+"/"+asked.Message)
	return &wit.Sent{IDs: o.IDs}, nil
}

// listed is an option as it stands in a poll's words. The server takes one mark of a list from the beginning of each, so one that begins
// like that, such as -5 °C, is given another.
func listed(option string) string {
	if strings.HasPrefix(option, "-") || strings.HasPrefix(option, "*") {
		return "- " + option
	}
	return option
}

// voted takes what somebody has done to a poll of this account's: the widget of a message has messages of its own ("submessage"), of
// which one is a vote for or against an option. An option has the number of who has added it, or "canned", and its own.
func voted(a *answer, event int64, e json.Value) {
	id := e.Get("message_id").Text()
	p, ok := ballot.Recall(a.Host, a.Account+"/"+id)
	who := e.Get("sender_id").Text()
	done, err := json.ParseText(e.Get("content").Text())
	if !ok || err != nil || who == "" || who == a.State.me.id {
		return
	}
	if k := a.find(e.Get("message_id").Int()); k != nil {
		p.To = k.conversationOf("") // a topic may have moved
	}
	m := wit.Message{}
	by, number, _ := strings.Cut(done.Get("key").Text(), ",")
	n, err := strconv.ParseInt(number, 10, 64)
	if by != "canned" || err != nil {
		n = -1
	}
	switch kind := done.Get("type").Text(); {
	case kind == "vote" && done.Get("vote").Int() > 0:
		m = p.Chosen(wit.Person{ID: who}, p.Option(n))
	case kind == "vote":
		m = p.TakenBack(wit.Person{ID: who}, p.Option(n))
	case kind == "new_option":
		m = p.Tell(wit.Person{ID: who}, "added to the poll “"+p.Question+"”: "+done.Get("option").Text())
	default:
		return
	}
	m.ID, m.Time = a.eventID(event, ":"+id), a.Now
	a.Message(&m)
}

// oneLine is a text without ends of lines.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
