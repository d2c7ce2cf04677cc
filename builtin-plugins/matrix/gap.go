package matrix

import (
	"cmp"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// gap is what a sync has left out: rooms in which more was said than a sync brings. It is read page by page, one room
// after the other and each from its beginning, before the next sync is asked for ("Syncing", limited; GET /messages).
type gap struct {
	from, to string    // tokens of the syncs around it
	rooms    []gapRoom // that are yet to be read, the first one now
	at       string    // where the next page of the first room begins; "" is from
	pages    int64     // of the first room that were read
}

// gapRoom is a room in a gap.
type gapRoom struct {
	id    string
	from  string // where it begins, "" is where the gap does
	comes bool   // the account has come in the gap, and what was said before is not for it
}

// Bounds of a gap.
const (
	maxGap     = 14 << 10 // bytes of the state
	maxPages   = 100      // of one room: 10,000 events
	pageEvents = 100
)

// add puts a room into the gap, and reports whether there was place for it.
func (g *gap) add(r gapRoom) bool {
	size := 0
	for _, known := range append(g.rooms, r) {
		size += len(known.id) + len(known.from) + 32
	}
	if size > maxGap {
		return false
	}
	g.rooms = append(g.rooms, r)
	return true
}

// next goes on with the next room; with the same one again where the account was said to have come in the gap and has not:
// then it was there before, and all that was said is for it.
func (g *gap) next() {
	g.at, g.pages = "", 0
	if len(g.rooms) > 0 && g.rooms[0].comes {
		g.rooms[0].comes = false
		return
	}
	if len(g.rooms) > 0 {
		g.rooms = g.rooms[1:]
	}
	if len(g.rooms) == 0 {
		*g = gap{}
	}
}

// pageFilter is of a page what syncFilter is of a sync ("RoomEventFilter").
const pageFilter = `{"types":` + timelineTypes + `,"lazy_load_members":true,"include_redundant_members":true}`

// askPage asks for the next events of the first room.
func askPage(a *answer) {
	g, events := &a.State.gap, int64(pageEvents)
	if a.State.limit > 0 {
		events = a.State.limit
	}
	from := cmp.Or(g.at, g.rooms[0].from, g.from)
	a.request(requestPage, "", "GET", roomPath(g.rooms[0].id, "messages")+"?dir=f&from="+form.Escape(from)+"&to="+form.Escape(g.to)+
		"&limit="+strconv.FormatInt(events, 10)+"&filter="+form.Escape(pageFilter))
}

// pageCame takes a page. A room that may not be read, as the account was put out of it meanwhile, is passed over.
func pageCame(a *answer, r result) {
	g := &a.State.gap
	if len(g.rooms) == 0 {
		return
	}
	code := wit.CodeOf(r.err())
	switch {
	case r.ok:
		recovered(a)
		receivePage(a, r.Value)
	case r.Failure == nil && (code == wit.CodeForbidden || code == wit.CodeNotFound || code == wit.CodeInvalid):
		g.rooms[0].comes = false // it is not read at all
		a.Host.Warn("matrix: what was said in " + g.rooms[0].id + " cannot be read: " + r.err().Error())
		g.next()
		resume(a)
	default:
		requestFailed(a, requestPage, r)
	}
}

// receivePage takes the events of a page, and asks for the next one unless this was the last.
func receivePage(a *answer, v json.Value) {
	if missingOfPage(a, v) {
		return
	}
	g := &a.State.gap
	id := g.rooms[0].id
	r := room{id: id}
	if known := a.State.rooms.find(id); known != nil {
		r = *known
	}
	p := newPlace(a, &r, v.Get("state"))
	begin := 0
	if g.rooms[0].comes {
		at, how := beginning(v.Get("chunk"), a.State.me.id)
		if begin = at; how == "" {
			begin = pageEvents + 1 // not yet
		}
		g.rooms[0].comes = how == ""
	}
	p.readFrom(v.Get("chunk"), begin)
	a.State.rooms.put(r)
	p.acknowledge()
	end := v.Get("end").Text()
	g.pages++
	switch {
	case end == "" || end == g.at || end == g.to || len(end) > maxToken || isEmpty(v.Get("chunk")):
		g.next()
	case g.pages >= maxPages:
		a.Host.Warn("matrix: more was said in " + id + " than is read at once; the rest of it is left out")
		g.next()
	default:
		g.at = end
	}
	a.State.lookups = nil
	resume(a)
}

func readGap(v json.Value) gap {
	g := gap{from: v.Get("from").Text(), to: v.Get("to").Text(), at: v.Get("at").Text(), pages: v.Get("pages").Int()}
	for r := range v.Get("rooms").Items() {
		g.rooms = append(g.rooms, gapRoom{r.Get("id").Text(), r.Get("from").Text(), r.Get("comes").Bool()})
	}
	return g
}

func (g gap) fill(o json.Object) json.Object {
	o = number(text(o.Text("from", g.from).Text("to", g.to), "at", g.at), "pages", g.pages)
	return o.Array("rooms", func(list json.Array) json.Array {
		for _, r := range g.rooms {
			list = list.Object(func(o json.Object) json.Object {
				return flag(text(o.Text("id", r.id), "from", r.from), "comes", r.comes)
			})
		}
		return list
	})
}
