package teams

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// keepVotes is how long it is remembered who has chosen what in a poll; a vote that comes later begins to count anew. mostVoters bounds
// the record of a poll, which the kernel keeps below 64 KB.
const (
	keepVotes  = 30 * 24 * time.Hour
	mostVoters = 500
)

// tally is what is remembered of a poll: who has chosen what, how often that has changed, and what it takes to make the card anew.
type tally struct {
	question
	url, activity string
	changes       int64
	votes         json.Value // the numbers of options, by people
}

// tallyMark begins the id of a request that shows a tally; behind it stand how often the votes have changed, and the poll.
const tallyMark = "tally:"

func tallyKey(poll string) string { return "votes/" + poll }

// recall returns what is remembered of a poll; ok is false where nothing is.
func (a *answer) recall(poll string) (t tally, ok bool) {
	stored, ok, err := a.Host.KVGet(tallyKey(poll))
	v, unreadable := json.ParseText(stored)
	if err != nil || !ok || unreadable != nil {
		return tally{}, false
	}
	return tally{readQuestion(v), v.Get("url").Text(), v.Get("activity").Text(), v.Get("changes").Int(), v.Get("votes")}, true
}

// count notes what somebody has chosen in a poll, in place of what they chose before, and has the card show it.
func (a *answer) count(poll string, t tally, who string, numbers []int) {
	if before, ok := a.recall(poll); ok {
		t.changes, t.votes = before.changes, before.votes
	}
	t.changes++
	votes, voters := json.Object{}, 0
	if len(numbers) > 0 {
		votes, voters = votes.Raw(short(who), list(numbers)), 1
	}
	for voter, chosen := range t.votes.Fields() {
		if voter != short(who) && voters < mostVoters {
			votes, voters = votes.Raw(voter, chosen.Raw()), voters+1
		}
	}
	t.votes, _ = json.Parse(votes.JSON()) // it was JSON before
	record := t.data().Text("url", t.url).Text("activity", t.activity).Int("changes", t.changes).Raw("votes", votes.JSON())
	if err := a.Host.KVPut(tallyKey(poll), string(record.JSON()), keepVotes); err != nil {
		a.Host.Warn("teams: the votes of a poll cannot be counted: " + err.Error())
		return
	}
	a.show(poll, t)
}

// show puts the votes into the card (Bot Connector API, "Update Activity").
func (a *answer) show(poll string, t tally) {
	votes := make([]int, len(t.options))
	for _, chosen := range t.votes.Fields() {
		for n := range chosen.Items() {
			if i := n.Int(); i >= 0 && i < int64(len(votes)) {
				votes[i]++
			}
		}
	}
	body := with(json.Object{}.Text("type", "message"), t.card(votes)).Text("id", t.activity)
	id := tallyMark + strconv.FormatInt(t.changes, 10) + ":" + poll
	a.Request(wit.HTTPRequest{ID: id, Method: "PUT", URL: t.url, Headers: authorized(), Timeout: callTimeout, JSON: body.JSON()})
}

// showed takes that a card was changed. Requests that are made at the same time may arrive in any order, so one that is answered after
// there are newer votes is followed by another.
func (a *answer) showed(id string) {
	changes, poll, _ := strings.Cut(strings.TrimPrefix(id, tallyMark), ":")
	if t, ok := a.recall(poll); ok && strconv.FormatInt(t.changes, 10) != changes {
		a.show(poll, t)
	}
}

// list is numbers as JSON.
func list(numbers []int) wit.JSON {
	out := json.Array{}
	for _, n := range numbers {
		out = out.Add(wit.JSON(strconv.Itoa(n)))
	}
	return out.JSON()
}

// short is a fixed name for an id, which may be long.
func short(id string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return strconv.FormatUint(h.Sum64(), 36)
}
