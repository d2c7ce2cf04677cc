package nextcloud

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/channel/once"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Polls are Talk's own ("Poll API"), which are in groups only. While one goes on, Talk tells that somebody has voted, and neither who nor
// for what; when somebody has ended it, the result is asked for and told.

// talkPoll is the type of what stands in a message for a poll ("Rich object strings", developer manual).
const talkPoll = "talk-poll"

// Poll asks a question with options ("Create a poll in a conversation"). All see at the end who has chosen what.
func (Nextcloud) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	t, err := newTalk(host, poll.Account, poll.Config, poll.State)
	if err != nil {
		return nil, err
	}
	if err := t.open(poll.To.ID); err != nil {
		return nil, err
	}
	seen := int64(0)
	if known := t.state.rooms.find(t.room); known != nil {
		seen = known.last
	}
	o := outgoing{talk: t, Message: once.Begin(host, poll.Account+" "+t.room, poll.IdempotencyKey, seen), key: poll.IdempotencyKey}
	kept, number := ballot.Poll{To: poll.To, Question: strings.TrimSpace(poll.Question), Options: poll.Options}, ""
	own := func(m, object json.Value) bool {
		return m.Get("id").Int() > o.Since && personOf(m).ID == "users/"+t.state.me.id && object.Get("name").Text() == kept.Question
	}
	err = o.Part(0, func() (id string, err error) {
		id, number, err = t.pollMessage(own)
		return id, err
	}, func() (id string, uncertain bool, err error) {
		id, number, uncertain, err = t.ask(&kept, poll)
		return id, uncertain, err
	})
	if err != nil {
		return nil, err
	}
	if number != "" {
		kept.Message = o.IDs[0]
		kept.Keep(host, poll.Account+"/"+number)
	}
	return &wit.Sent{IDs: o.IDs}, nil
}

// ask creates a poll, and returns the id of its message, which Talk does not say, and its number.
func (t *talk) ask(kept *ballot.Poll, poll *wit.ChannelPoll) (id, number string, uncertain bool, err error) {
	p := params(nil).text("question", kept.Question).int("resultMode", 0).int("maxVotes", int64(max(poll.MaxSelections, 1)))
	for _, option := range poll.Options {
		p = p.text("options%5B%5D", option)
	}
	if thread := poll.To.Thread; thread != nil && isID(*thread) {
		p = p.text("threadId", *thread)
	}
	r := t.call("POST", talk1+"/poll/"+form.Escape(t.room), p)
	if r.Failure == nil && r.Status == 400 {
		return "", "", false, wit.NewError(wit.CodeInvalid, "Nextcloud: "+r.message()+": Talk has polls in groups, of two options at least")
	}
	if err := r.err(); err != nil {
		return "", "", r.Lost(), err
	}
	number = r.data.Get("id").Text()
	id, _, err = t.pollMessage(func(_, object json.Value) bool { return object.Get("id").Text() == number })
	if err == nil && id == "" {
		err = &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "Nextcloud: the poll was made, and its message is not there"}
	}
	return id, number, true, err
}

// pollMessage is the newest message among the last ones with a poll that fits, and the poll's number; "" where there is none.
func (t *talk) pollMessage(fits func(m, object json.Value) bool) (id, number string, err error) {
	r := t.call("GET", t.chat(), params(nil).int("lookIntoFuture", 0).int("limit", searched).int("setReadMarker", 0).int("noStatusUpdate", 1))
	if err := r.err(); err != nil {
		return "", "", err
	}
	for m := range r.data.Items() {
		if object := m.Get("messageParameters", "object"); object.Get("type").Text() == talkPoll && fits(m, object) {
			return m.Get("id").Text(), object.Get("id").Text(), nil
		}
	}
	return "", "", nil
}

// ended is a poll that somebody has ended, whose result is asked for. It is kept until that is told.
type ended struct {
	message         string // that told it
	room, poll      string
	question        string
	sender, display string
	time            int64 // in milliseconds since 1970
}

// maxEnded bounds those that are kept.
const maxEnded = 16

// pollEnded notes that somebody has ended a poll, and asks for what came of it.
func (a *answer) pollEnded(out *wit.Message, m json.Value) {
	poll := m.Get("messageParameters", "poll")
	number := poll.Get("id").Text()
	if !isID(number) {
		return
	}
	e := ended{out.ID, out.Conversation.ID, number, texts.Clip(poll.Get("name").Text(), maxQuoted), out.Sender.ID, texts.Of(out.Sender.Name), out.Time}
	if len(a.State.ended) == maxEnded {
		a.State.ended = a.State.ended[1:]
	}
	a.State.ended = append(a.State.ended, e)
	a.askPoll(&e)
}

// askPoll asks for what came of a poll ("Get state or result of a poll").
func (a *answer) askPoll(e *ended) {
	a.request(requestPoll, e.message, "GET", talk1+"/poll/"+form.Escape(e.room)+"/"+e.poll, nil)
}

// takeEnded returns the poll whose end a message has told, which is not kept any more.
func (s *state) takeEnded(message string) (e ended, ok bool) {
	i := slices.IndexFunc(s.ended, func(e ended) bool { return e.message == message })
	if i < 0 {
		return ended{}, false
	}
	e = s.ended[i]
	s.ended = slices.Delete(slices.Clone(s.ended), i, i+1)
	return e, true
}

// pollCame tells what came of a poll, or, where that could not be had, that it has ended.
func pollCame(a *answer, message string, r result) {
	e, ok := a.State.takeEnded(message)
	room := a.State.rooms.find(e.room)
	if !ok || room == nil {
		return
	}
	p, own := ballot.Recall(a.Host, a.Account+"/"+e.poll)
	if !own {
		p = &ballot.Poll{To: room.conversation(), Question: e.question}
	}
	words := "ended the poll “" + p.Question + "”"
	if r.ok {
		words = texts.Join(": ", words, outcome(r.data))
	}
	m := p.Tell(wit.Person{ID: e.sender, Name: account.Optional(e.display)}, words)
	m.ID, m.Time = e.message, e.time
	if !own {
		m.ReplyTo = nil
	}
	a.Message(&m)
}

// maxOutcome bounds what is told of a poll, in bytes.
const maxOutcome = 4000

// outcome is how many have chosen what, and who, where the poll says that ("Poll data").
func outcome(poll json.Value) string {
	who := map[int64][]string{}
	for vote := range poll.Get("details").Items() {
		n := vote.Get("optionId").Int()
		who[n] = append(who[n], vote.Get("actorDisplayName").Text())
	}
	var list []string
	for option := range poll.Get("options").Items() {
		n := int64(len(list))
		line := option.Text() + " " + strconv.FormatInt(poll.Get("votes", "option-"+strconv.FormatInt(n, 10)).Int(), 10)
		if len(who[n]) > 0 {
			line += " (" + strings.Join(who[n], ", ") + ")"
		}
		list = append(list, line)
	}
	return texts.Clip(strings.Join(list, "; "), maxOutcome)
}
