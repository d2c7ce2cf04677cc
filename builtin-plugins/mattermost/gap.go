package mattermost

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// gap is what happened while there was no connection: channels in which something was posted. They are read one after the other,
// each from its beginning. What comes on the new connection of a channel that is yet to be read is read with it, so that order
// is kept; other channels go on meanwhile.
type gap struct {
	open    bool
	from    int64  // since when, some seconds before the last post that is known, since posts made at once may be told in any order
	known   int64  // when that post was made
	listing bool   // the channels are yet to be asked for
	more    bool   // there are channels behind after, which are asked for when these are read
	after   string // the last one that was noted, in the order of ids
	rooms   []room // to be read, the first one now
	round   int64  // counts requests: a response to an earlier one is not waited for
	named   bool   // names were asked for, for the page that is read now
}

// room is a channel in a gap.
type room struct {
	id     string
	from   int64
	again  bool   // something came while it was read
	page   int64  // while its beginning is looked for page by page, the one that is asked for, from 1
	anchor string // the post behind which the next page begins
}

// Bounds of a gap, and lengths of time in milliseconds.
const (
	gapMargin  = 10_000
	maxRooms   = 400 // within the 64 KB that a state may have; with more there is another list afterwards
	gapPage    = 50  // posts, when there are many
	maxPages   = 400 // of one channel: 20,000 posts
	manyPosts  = 450 // a list since a time has a thousand at most, in no order
	manyBytes  = 2 << 20
	gapNames   = "gap"
	errorDelay = 1_000
)

// saw notes when a post was made. One that claims to be of a later time than now is, as those can be that somebody has brought from
// elsewhere, does not hide those that follow it.
func (a *answer) saw(made int64) {
	a.State.cursor = max(a.State.cursor, min(made, a.Now+gapMargin))
}

// missed notes that events may be missing since the last post that is known.
func missed(a *answer) {
	g := &a.State.gap
	next := gap{open: true, known: a.State.cursor, from: max(a.State.cursor-gapMargin, 1), listing: true, round: g.round}
	if g.open {
		next.known, next.from = min(next.known, g.known), min(next.from, g.from)
	}
	*g = next
}

// next passes over the channel that is read now.
func (g *gap) next() {
	g.named = false
	if len(g.rooms) > 0 {
		g.rooms = g.rooms[1:]
	}
}

// has reports whether a channel is yet to be read, and sees to it that it is read once more.
func (g *gap) has(channel string) bool {
	for i := range g.rooms {
		if g.rooms[i].id == channel {
			g.rooms[i].again = true
			return true
		}
	}
	if (g.listing || g.more && channel > g.after) && len(g.rooms) < maxRooms {
		g.rooms = append(g.rooms, room{id: channel, from: g.from})
		return true
	}
	return false
}

// readOn asks for what comes next, or closes the gap.
func readOn(a *answer) {
	g := &a.State.gap
	if !g.open {
		return
	}
	g.round++
	if len(g.rooms) == 0 && g.more {
		g.listing, g.more = true, false
	}
	switch {
	case g.listing:
		a.request(requestList, strconv.FormatInt(g.round, 10), "GET", "/users/me/channels", nil)
	case len(g.rooms) > 0:
		r := g.rooms[0]
		a.request(requestPosts, strconv.FormatInt(g.round, 10)+":"+r.id, "GET", "/channels/"+r.id+"/posts?"+r.query(), nil)
	default:
		*g = gap{round: g.round}
	}
}

// query says which posts are asked for (since; page; after).
func (r *room) query() string {
	size := "per_page=" + strconv.Itoa(gapPage)
	switch {
	case r.anchor != "":
		return "after=" + r.anchor + "&page=0&" + size
	case r.page > 0:
		return "page=" + strconv.FormatInt(r.page-1, 10) + "&" + size
	}
	return "since=" + strconv.FormatInt(r.from, 10)
}

// listed takes the channels that the bot is in, and notes those in which something was posted (last_post_at).
func listed(a *answer, which string, r result) {
	g := &a.State.gap
	if !g.open || !g.listing || which != strconv.FormatInt(g.round, 10) {
		return
	}
	if err := r.err(); err != nil {
		unread(a, r, "what was posted while there was no connection cannot be looked for")
		return
	}
	g.listing = false
	channels := map[string]json.Value{}
	for v := range r.Value.Items() {
		if id := v.Get("id").Text(); isID(id) && v.Get("last_post_at").Int() > g.from && id > g.after {
			channels[id] = v
		}
	}
	ids := make([]string, 0, len(channels))
	for id := range channels {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if len(g.rooms) >= maxRooms {
			g.more = true
			break
		}
		a.learnPlace(channels[id])
		if g.after = id; !g.has(id) {
			g.rooms = append(g.rooms, room{id: id, from: g.from})
		}
	}
	readOn(a)
}

// unread goes on after a request of the gap that failed: it is made again later, or, where that is no use, done without.
func unread(a *answer, r result, what string) {
	err := r.err()
	if wit.CodeOf(err).Transient() || wit.CodeOf(err) == wit.CodeUnauthorized || r.Failure != nil && !r.Large {
		a.Timer(gapTimer, max(r.Wait, errorDelay))
		return
	}
	a.Host.Warn("mattermost: " + what + ": " + err.Error())
	a.State.gap.listing = false
	a.State.gap.next()
	readOn(a)
}

// postsCame takes posts of the channel that is read now.
func postsCame(a *answer, which string, r result) {
	g := &a.State.gap
	round, id, _ := strings.Cut(which, ":")
	if !g.open || round != strconv.FormatInt(g.round, 10) || len(g.rooms) == 0 || g.rooms[0].id != id {
		return
	}
	now := &g.rooms[0]
	bySince := now.page == 0 && now.anchor == ""
	if !r.ok && !(r.Large && bySince) {
		unread(a, r, "what was posted in a channel cannot be read")
		return
	}
	posts := readPosts(r.Value)
	switch {
	case bySince && (r.Large || len(posts) >= manyPosts || len(r.Value.Raw()) > manyBytes):
		now.page = 1 // page by page then
	case a.askForGap(posts):
		return
	case bySince:
		deliver(a, posts, now.from)
		now.done(g, posts)
	case now.anchor == "":
		now.search(a, posts)
	default:
		deliver(a, posts, 0)
		if len(posts) < gapPage {
			now.done(g, posts)
		} else {
			now.anchor = idOf(posts[len(posts)-1])
		}
	}
	g.named = false
	readOn(a)
}

// done goes on with the next channel, or, if something has come meanwhile, with the newest posts of the same one.
func (now *room) done(g *gap, posts []json.Value) {
	if !now.again {
		g.next()
		return
	}
	from := now.from
	if len(posts) > 0 {
		from = max(from, createdAt(posts[len(posts)-1])-gapMargin)
	}
	*now = room{id: now.id, from: from}
}

// search looks in a page of posts for the last one that is no news: behind it what was missed begins. Where the channel itself began
// in the gap, that is its first post.
func (now *room) search(a *answer, posts []json.Value) {
	for i := len(posts) - 1; i >= 0; i-- {
		if createdAt(posts[i]) <= now.from {
			now.anchor = idOf(posts[i])
			return
		}
	}
	switch {
	case len(posts) == 0:
		now.done(&a.State.gap, nil)
	case len(posts) < gapPage || now.page >= maxPages:
		deliver(a, posts[:1], 0)
		now.anchor = idOf(posts[0])
	default:
		now.page++
	}
}

// askForGap asks for the names of who has posted, once for a page, and reports whether it is to be read again with them.
func (a *answer) askForGap(posts []json.Value) bool {
	if a.State.gap.named || a.State.nameless {
		return false
	}
	var ids []string
	for _, p := range posts {
		id := p.Get("user_id").Text()
		if _, known := a.names.Find(id); !known && isID(id) && !slices.Contains(ids, id) && len(ids) < maxNamesAsked {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return false
	}
	list := json.Array{}
	for _, id := range ids {
		list = list.Add(json.Text(id))
	}
	a.State.gap.named = true
	a.request(requestUsers, gapNames, "POST", "/users/ids", list.JSON())
	return true
}

// readPosts reads a list of posts (PostList), the oldest first. Beside those that were asked for it has the roots of their threads.
func readPosts(v json.Value) (posts []json.Value) {
	wanted := map[string]bool{}
	for id := range v.Get("order").Items() {
		wanted[id.Text()] = true
	}
	for id, p := range v.Get("posts").Fields() {
		if wanted[id] {
			posts = append(posts, p)
		}
	}
	slices.SortFunc(posts, func(a, b json.Value) int {
		if d := createdAt(a) - createdAt(b); d != 0 {
			return int(min(max(d, -1), 1))
		}
		return strings.Compare(idOf(a), idOf(b))
	})
	return posts
}

func createdAt(post json.Value) int64 { return post.Get("create_at").Int() }

func idOf(post json.Value) string { return post.Get("id").Text() }

// deliver makes messages of posts that were read: of those that are new, of changes of older ones, and of what people have set at
// them. from is since when something else than a new post is news; 0 is never.
func deliver(a *answer, posts []json.Value, from int64) {
	known := a.State.gap.known
	for _, v := range posts {
		p := newPost(a, v)
		made, edited, deleted := createdAt(v), v.Get("edit_at").Int(), v.Get("delete_at").Int()
		switch {
		case deleted != 0 && made <= known:
			a.Message(p.deletion())
		case deleted != 0:
		case made > known || made > known-gapMargin && edited <= known:
			a.Message(p.message(""))
		case edited > known:
			a.Message(p.edit())
		}
		for reaction := range v.Get("metadata", "reactions").Items() {
			if from > 0 && reaction.Get("create_at").Int() > known && len(a.Out.Messages) < wit.ChannelAnswerMessagesMax {
				a.Message(readReaction(a, reaction, p.channel, true))
			}
		}
	}
}

func readGap(v json.Value) gap {
	g := gap{open: v.Exists(), from: v.Get("from").Int(), known: v.Get("known").Int(), listing: v.Get("listing").Bool(), more: v.Get("more").Bool(),
		after: v.Get("after").Text(), round: v.Get("round").Int(), named: v.Get("named").Bool()}
	for r := range v.Get("rooms").Items() {
		g.rooms = append(g.rooms, room{r.Get("id").Text(), r.Get("from").Int(), r.Get("again").Bool(), r.Get("page").Int(), r.Get("anchor").Text()})
	}
	return g
}

func (g gap) json() wit.JSON {
	var o json.Sparse
	o.AddInt("from", g.from)
	o.AddInt("known", g.known)
	o.AddTrue("listing", g.listing)
	o.AddTrue("more", g.more)
	o.AddText("after", g.after)
	o.AddInt("round", g.round)
	o.AddTrue("named", g.named)
	return o.Array("rooms", func(list json.Array) json.Array {
		for _, r := range g.rooms {
			list = list.Add(r.json())
		}
		return list
	}).JSON()
}

func (r room) json() wit.JSON {
	var o json.Sparse
	o.AddText("id", r.id)
	o.AddInt("from", r.from)
	o.AddTrue("again", r.again)
	o.AddInt("page", r.page)
	o.AddText("anchor", r.anchor)
	return o.JSON()
}
