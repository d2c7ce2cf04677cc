package matrix

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// joining is a room that the account is to be in: it was invited, or the room takes the place of one that it is in.
type joining struct {
	room  string
	via   string // a server that knows the room
	from  string // the room in whose place it is
	since string // the token of the sync before the invitation: what was said since then is for it
	tries int64  // that have failed
	waits bool   // for an invitation: without one it may not come
	done  bool   // it has come, and no sync has told of it yet
}

const (
	maxJoins    = 8 << 10 // bytes of the state
	maxJoinTry  = 12
	joinTimeout = 60_000 // rooms of other servers take their time, in milliseconds
)

// invited takes an invitation, if its sender may invite ("Invites").
func invited(a *answer, id string, events json.Value) {
	sender := ""
	for e := range events.Items() {
		if e.Get("type").Text() == "m.room.member" && e.Get("state_key").Text() == a.State.me.id && membership(e.Get("content")) == "invite" {
			sender = e.Get("sender").Text()
		}
	}
	i := slices.IndexFunc(a.State.joins, func(j joining) bool { return j.room == id })
	switch {
	case len(id) > maxID || sender == "":
	case i >= 0:
		a.State.joins[i].waits, a.State.joins[i].done, a.State.joins[i].tries = false, false, 0
		askJoin(a, a.State.joins[i])
	case a.Settings.mayInvite(sender):
		a.join(joining{room: id, via: serverOf(sender)})
	default:
		hint := "; join it with a Matrix app"
		if a.Settings.join == joinOwner {
			hint = "; to let it come, add " + texts.Clip(sender, maxID) + " to inviters"
		}
		a.Host.Info("matrix: " + texts.Clip(sender, maxID) + " has invited the account to " + id + ", which is not accepted")
		a.status(wit.ConnectionStateConnected, texts.Clip(sender, maxID)+" has invited the bot to the room "+id+hint)
	}
}

// join notes a room to be joined, and asks for it. What there is no place for is not joined: its invitation stays, and the
// owner is told.
func (a *answer) join(j joining) {
	if slices.ContainsFunc(a.State.joins, func(known joining) bool { return known.room == j.room }) {
		return
	}
	if len(a.State.since) <= maxID {
		j.since = a.State.since
	}
	size := 0
	for _, known := range append(a.State.joins, j) {
		size += len(known.room) + len(known.via) + len(known.from) + len(known.since) + 64
	}
	if size > maxJoins {
		a.Host.Warn("matrix: too many rooms are to be joined at once; left out: " + j.room)
		a.status(wit.ConnectionStateConnected, "too many invitations at once; have the bot invited again to "+j.room)
		return
	}
	a.State.joins = append(a.State.joins, j)
	askJoin(a, j)
}

// askJoins asks for all rooms that are to be joined, a few at a time.
func askJoins(a *answer) {
	for _, j := range a.State.joins {
		if !j.waits && !j.done {
			askJoin(a, j)
		}
	}
}

// askJoin asks for one ("Joining rooms"). What the answer has no place for is asked for by the timer.
func askJoin(a *answer, j joining) {
	if a.busy() {
		a.Timer(joinTimer, account.FirstRetry)
		return
	}
	path := client + "/join/" + form.Escape(j.room)
	if j.via != "" {
		path += "?server_name=" + form.Escape(j.via) + "&via=" + form.Escape(j.via)
	}
	r := a.request(requestJoin, j.room, "POST", path)
	r.JSON, r.Timeout = wit.JSON("{}"), joinTimeout
}

// joined takes the answer. A room that has taken the place of another one goes on as that one.
func joined(a *answer, id string, r result) {
	i := slices.IndexFunc(a.State.joins, func(j joining) bool { return j.room == id && !j.done })
	if i < 0 {
		return
	}
	j := &a.State.joins[i]
	switch {
	case r.ok:
		if j.from != "" {
			moved(a, j.from, id)
		}
		j.done = true
	case wit.CodeOf(r.err()).Transient() && j.tries < maxJoinTry:
		j.tries++
		a.Timer(joinTimer, max(min(int64(account.FirstRetry)<<j.tries, 10*account.SlowRetry), r.Wait))
	case j.from != "" && r.Failure == nil:
		j.waits = true
		a.status(wit.ConnectionStateConnected, "a room of the bot's was upgraded, and it may not come to the new one: invite it to "+id)
	default:
		a.Host.Warn("matrix: room " + id + " cannot be joined: " + r.err().Error())
		a.status(wit.ConnectionStateConnected, "the room "+id+" cannot be joined: "+r.err().Error())
		a.State.joins = slices.Delete(a.State.joins, i, i+1)
	}
}

// arrives takes a room from the list that a sync tells of, and returns the token of before its invitation. That it has taken
// another one's place is told before anything that was said in it, whichever of the two answers comes first.
func (a *answer) arrives(id string) (since string) {
	i := slices.IndexFunc(a.State.joins, func(j joining) bool { return j.room == id })
	if i < 0 {
		return ""
	}
	j := a.State.joins[i]
	if j.from != "" && !j.done {
		moved(a, j.from, id)
	}
	a.State.joins = slices.Delete(a.State.joins, i, i+1)
	return j.since
}

// replaced follows a room to the one that has taken its place ("Room upgrades"). Only the room that is left says so: any
// room can claim to be another one's successor.
func (p *place) replaced(e json.Value) {
	next := e.Get("content", "replacement_room").Text()
	if next == "" || len(next) > maxID || p.Settings.join == joinOff {
		return
	}
	p.join(joining{room: next, via: serverOf(e.Get("sender").Text()), from: p.room.id})
}

// moved tells that a room goes on as another one.
func moved(a *answer, from, to string) {
	old := room{id: from}
	if known := a.State.rooms.find(from); known != nil {
		known.next = to
		old = *known
	}
	there := old
	there.id, there.next = to, ""
	a.Out.Moved = append(a.Out.Moved, wit.Move{From: from, To: there.conversation("")})
}

func readJoins(v json.Value) []joining {
	var list []joining
	for j := range v.Items() {
		list = append(list, joining{
			room: j.Get("room").Text(), via: j.Get("via").Text(), from: j.Get("from").Text(), since: j.Get("since").Text(),
			tries: j.Get("tries").Int(), waits: j.Get("waits").Bool(), done: j.Get("done").Bool(),
		})
	}
	return list
}

func (j joining) fill(o json.Object) json.Object {
	o = text(text(text(o.Text("room", j.room), "via", j.via), "from", j.from), "since", j.since)
	return flag(flag(number(o, "tries", j.tries), "waits", j.waits), "done", j.done)
}
