package gateway

import (
	"cmp"
	"container/list"
	"encoding/json"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// What the list keeps of those who left, and how long it gets. Ten thousand connections are no list that
// anybody reads: the rest are counted in the metrics only.
const (
	presenceTTL  = 5 * time.Minute
	presenceRows = 200
)

// left is the reason in the row of who is there no more.
const left = "disconnect"

// Presence is the list of who is there: the gateway, its connections, and for five minutes those that
// left. A device or instance that connects twice is one row. A row is encoded when it is first listed, and lists are put
// together from that: each connection gets one.
type Presence struct {
	version atomic.Uint64
	changed chan struct{} // something to announce, to the sweeper

	mu         sync.Mutex
	self       wire.Presence
	rows       map[string]*list.Element // of *present, in here or gone
	here, gone *list.List               // the last to come or to leave first
}

// present is a row, and how many connections stand behind it; without any it waits to expire.
type present struct {
	wire.Presence
	key   string
	conns int
	told  [2][]byte // the row as JSON, to administrators and to others; nil until it is listed
}

// NewPresence returns a list with the gateway itself.
func NewPresence(version string) *Presence {
	host, _ := os.Hostname()
	p := &Presence{changed: make(chan struct{}, 1), rows: map[string]*list.Element{}, here: list.New(), gone: list.New()}
	p.self = wire.Presence{
		Host: host, Version: version, Platform: runtime.GOOS, ModelIdentifier: runtime.GOARCH, Mode: "gateway", Reason: "self",
		Text: "Gateway: " + host + " · app " + version + " · mode gateway · reason self",
	}
	return p
}

// List returns the rows, []wire.Presence, the newest first after the gateway's. Below admin they lack what identifies a
// device or a person's machine. Clients of protocol 4 take every row for somebody who is there, so that those who left
// are protocol 3's only.
func (p *Presence) List(admin bool, protocol int) rpc.Encoded {
	rows := p.shown(admin, protocol)
	size := 1
	for _, r := range rows {
		size += 1 + len(r)
	}
	list := make([]byte, 0, size)
	before := byte('[')
	for _, r := range rows {
		list = append(append(list, before), r...)
		before = ','
	}
	return append(list, ']')
}

// shown are the rows of List, each encoded.
func (p *Presence) shown(admin bool, protocol int) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	self := present{Presence: p.self}
	self.Ts = time.Now().UnixMilli() // the gateway is there now, whenever now is
	all := append(make([][]byte, 0, len(p.rows)+1), self.encoded(admin))
	there := func(e *list.Element) *list.Element {
		for e != nil && protocol >= wire.Protocol4 && row(e).Reason == left {
			e = e.Next()
		}
		return e
	}
	here, gone := p.here.Front(), there(p.gone.Front())
	for here != nil || gone != nil {
		next := &here
		if here == nil || gone != nil && row(gone).Ts > row(here).Ts {
			next = &gone
		}
		all = append(all, row(*next).encoded(admin))
		if *next = (*next).Next(); next == &gone {
			gone = there(gone)
		}
	}
	return all
}

// row is what an element of the lists holds.
func row(e *list.Element) *present { return e.Value.(*present) }

// encoded is the row as JSON. The caller holds the list's mu.
func (r *present) encoded(admin bool) []byte {
	told, shown := &r.told[0], r.Presence
	if !admin {
		told = &r.told[1]
		shown.IP, shown.DeviceID, shown.InstanceID, shown.Roles, shown.Scopes, shown.DeviceFamily, shown.ModelIdentifier = "", "", "", nil, nil, "", ""
	}
	if *told == nil {
		*told, _ = json.Marshal(shown) // texts and numbers always have an encoding
	}
	return *told
}

// presenceKey says what is one row: a device in a role, else an instance of a client, else the connection.
func presenceKey(c *rpc.Caller) string {
	switch {
	case c.DeviceID != "":
		return "device:" + c.DeviceID + ":" + string(c.Role)
	case c.Client.InstanceID != "":
		return "instance:" + c.Client.InstanceID
	}
	return "conn:" + c.ConnID
}

// arrive puts a caller into the list, and depart, called once for each arrive, marks him as gone.
func (p *Presence) arrive(c *rpc.Caller) {
	name := c.Client.DisplayName
	if name == "" {
		name = c.Client.ID
	}
	p.mu.Lock()
	key := presenceKey(c)
	r := &present{key: key, conns: 1, Presence: wire.Presence{
		Host: name, Version: c.Client.Version, Platform: c.Client.Platform, DeviceFamily: c.Client.DeviceFamily,
		ModelIdentifier: c.Client.ModelIdentifier, TimeZone: c.Client.TimeZone, Mode: c.Client.Mode, InstanceID: c.Client.InstanceID,
		DeviceID: c.DeviceID, Roles: []wire.Role{c.Role}, Scopes: c.Scopes, Reason: "connect", Ts: time.Now().UnixMilli(),
		Text: "Node: " + name + " · mode " + c.Client.Mode,
	}}
	if !loopback(c.RemoteIP) {
		r.IP = c.RemoteIP
	}
	if e := p.rows[key]; e != nil {
		r.conns += row(e).conns
		p.drop(e)
	}
	p.room()
	p.rows[key] = p.here.PushFront(r)
	p.mu.Unlock()
	p.touch()
}

// Report takes what a client says of itself: into the row of its device or instance, or as a row of its own, which stays
// for five minutes.
func (p *Presence) Report(said wire.Presence) {
	p.mu.Lock()
	said.Ts = time.Now().UnixMilli()
	key := "report:" + cmp.Or(said.DeviceID, said.InstanceID, said.Host, said.Text)
	e := p.rows[key]
	for _, known := range p.rows {
		if is := row(known); said.DeviceID != "" && is.DeviceID == said.DeviceID || said.InstanceID != "" && is.InstanceID == said.InstanceID {
			e = known
		}
	}
	if e != nil && row(e).conns > 0 {
		r := row(e)
		r.Text, r.Ts, r.told = said.Text, said.Ts, [2][]byte{}
		r.LastInputSeconds, r.Tags, r.Reason = said.LastInputSeconds, said.Tags, cmp.Or(said.Reason, r.Reason)
		p.here.MoveToFront(e)
	} else {
		if e != nil {
			p.drop(e)
		}
		p.room()
		p.rows[key] = p.gone.PushFront(&present{key: key, Presence: said})
	}
	p.mu.Unlock()
	p.touch()
}

func (p *Presence) depart(c *rpc.Caller) {
	p.mu.Lock()
	if e := p.rows[presenceKey(c)]; e != nil {
		if r := row(e); r.conns > 1 {
			r.conns--
		} else {
			p.drop(e)
			r.conns, r.Reason, r.Ts, r.told = 0, left, time.Now().UnixMilli(), [2][]byte{}
			p.rows[r.key] = p.gone.PushFront(r)
		}
	}
	p.mu.Unlock()
	p.touch()
}

// drop takes a row out. The caller holds mu.
func (p *Presence) drop(e *list.Element) {
	delete(p.rows, row(e).key)
	if row(e).conns > 0 {
		p.here.Remove(e)
	} else {
		p.gone.Remove(e)
	}
}

// touch counts a change and has it announced.
func (p *Presence) touch() {
	p.version.Add(1)
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// expire drops who has been gone for long. The caller holds mu.
func (p *Presence) expire() {
	old := time.Now().Add(-presenceTTL).UnixMilli()
	for e := p.gone.Back(); e != nil && row(e).Ts < old; e = p.gone.Back() {
		p.drop(e)
	}
}

// room keeps the list bounded: who left longest ago goes first, then the oldest row. The caller holds mu.
func (p *Presence) room() {
	if len(p.rows) < presenceRows {
		return
	}
	victim := p.gone.Back()
	if victim == nil {
		victim = p.here.Back()
	}
	p.drop(victim)
}
