package gateway

import (
	"cmp"
	"os"
	"runtime"
	"slices"
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

// Presence is the list of who is there: the gateway, its connections, and for five minutes those that
// left. A device or instance that connects twice is one row.
type Presence struct {
	version atomic.Uint64
	changed chan struct{} // something to announce, to the sweeper

	mu   sync.Mutex
	self wire.Presence
	rows map[string]*present
}

// present is a row, and how many connections stand behind it; without any it waits to expire.
type present struct {
	wire.Presence
	conns int
}

// NewPresence returns a list with the gateway itself.
func NewPresence(version string) *Presence {
	host, _ := os.Hostname()
	p := &Presence{changed: make(chan struct{}, 1), rows: map[string]*present{}}
	p.self = wire.Presence{
		Host: host, Version: version, Platform: runtime.GOOS, ModelIdentifier: runtime.GOARCH, Mode: "gateway", Reason: "self",
		Text: "Gateway: " + host + " · app " + version + " · mode gateway · reason self",
	}
	return p
}

// List returns the rows, the newest first after the gateway's. Below admin they lack what identifies a
// device or a person's machine.
func (p *Presence) List(admin bool) []wire.Presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	self := p.self
	// The gateway is there now, whenever now is.
	self.Ts = time.Now().UnixMilli()
	list := make([]wire.Presence, 0, len(p.rows)+1)
	for _, row := range p.rows {
		list = append(list, row.Presence)
	}
	slices.SortFunc(list, func(a, b wire.Presence) int { return cmp.Compare(b.Ts, a.Ts) })
	list = slices.Insert(list, 0, self)
	if !admin {
		for i := range list {
			r := &list[i]
			r.IP, r.DeviceID, r.InstanceID, r.Roles, r.Scopes, r.DeviceFamily, r.ModelIdentifier = "", "", "", nil, nil, "", ""
		}
	}
	return list
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
	row := p.rows[key]
	if row == nil {
		p.room()
		row = &present{}
		p.rows[key] = row
	}
	row.conns++
	row.Presence = wire.Presence{
		Host: name, Version: c.Client.Version, Platform: c.Client.Platform, DeviceFamily: c.Client.DeviceFamily,
		ModelIdentifier: c.Client.ModelIdentifier, TimeZone: c.Client.TimeZone, Mode: c.Client.Mode, InstanceID: c.Client.InstanceID,
		DeviceID: c.DeviceID, Roles: []wire.Role{c.Role}, Scopes: c.Scopes, Reason: "connect", Ts: time.Now().UnixMilli(),
		Text: "Node: " + name + " · mode " + c.Client.Mode,
	}
	if !loopback(c.RemoteIP) {
		row.IP = c.RemoteIP
	}
	p.mu.Unlock()
	p.touch()
}

func (p *Presence) depart(c *rpc.Caller) {
	p.mu.Lock()
	if row := p.rows[presenceKey(c)]; row != nil {
		if row.conns--; row.conns <= 0 {
			row.Reason, row.Ts = "disconnect", time.Now().UnixMilli()
		}
	}
	p.mu.Unlock()
	p.touch()
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
	for key, row := range p.rows {
		if row.conns <= 0 && row.Ts < old {
			delete(p.rows, key)
		}
	}
}

// room keeps the list bounded: who left longest ago goes first, then the oldest row.
func (p *Presence) room() {
	if len(p.rows) < presenceRows {
		return
	}
	var victim string
	for key, row := range p.rows {
		if v := p.rows[victim]; v == nil || row.conns <= 0 && v.conns > 0 || (row.conns <= 0) == (v.conns <= 0) && row.Ts < v.Ts {
			victim = key
		}
	}
	delete(p.rows, victim)
}
