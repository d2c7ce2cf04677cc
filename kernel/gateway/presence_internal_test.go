package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// person is a caller of a connection of its own, with an edit.
func person(conn string, edit ...func(*rpc.Caller)) *rpc.Caller {
	c := &rpc.Caller{ConnID: conn, RemoteIP: "198.51.100.7", Role: wire.RoleOperator, Client: wire.Client{ID: "client-" + conn, Mode: "cli"}}
	for _, e := range edit {
		e(c)
	}
	return c
}

func device(id string, role wire.Role) func(*rpc.Caller) {
	return func(c *rpc.Caller) { c.DeviceID, c.Role = id, role }
}

func instance(id string) func(*rpc.Caller) {
	return func(c *rpc.Caller) { c.Client.InstanceID = id }
}

// listed is the list, decoded.
func listed(p *Presence, admin bool, protocol int) (rows []wire.Presence) {
	if err := json.Unmarshal(p.List(admin, protocol), &rows); err != nil {
		panic(err)
	}
	return rows
}

// shown is who the list has, with why, in its order and without the gateway.
func shown(p *Presence, protocol int) string {
	var list []string
	for _, row := range listed(p, true, protocol)[1:] {
		list = append(list, row.Host+" "+row.Reason)
	}
	return strings.Join(list, ", ")
}

// TestPresenceRows: a device in a role, or an instance, is one row however often it connects, and has left when its last
// connection has.
func TestPresenceRows(t *testing.T) {
	for name, tt := range map[string]struct {
		first, second *rpc.Caller
		one           bool
	}{
		"a device":                  {person("1", device("d", "operator"), instance("i")), person("2", device("d", "operator")), true},
		"a device in two roles":     {person("1", device("d", "operator")), person("2", device("d", "node")), false},
		"an instance":               {person("1", instance("i")), person("2", instance("i")), true},
		"two instances":             {person("1", instance("i")), person("2", instance("j")), false},
		"connections without names": {person("1"), person("2"), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPresence("test")
			p.arrive(tt.first)
			time.Sleep(time.Second)
			p.arrive(tt.second)
			time.Sleep(time.Second)
			both, left, none := "client-2 connect, client-1 connect", "client-1 disconnect, client-2 connect", "client-2 disconnect, client-1 disconnect"
			if tt.one {
				both, left, none = "client-2 connect", "client-2 connect", "client-2 disconnect"
			}
			if got := shown(p, 3); got != both {
				t.Errorf("%s: %s", name, got)
			}
			p.depart(tt.first)
			if got := shown(p, 3); got != left {
				t.Errorf("%s, one gone: %s", name, got)
			}
			time.Sleep(time.Second)
			p.depart(tt.second)
			if got := shown(p, 3); got != none || shown(p, 4) != "" {
				t.Errorf("%s, both gone: %s; and of protocol 4 %s", name, got, shown(p, 4))
			}
			p.depart(person("stranger"))
			p.arrive(tt.second)
			if got := shown(p, 4); got != "client-2 connect" {
				t.Errorf("%s, back again: %s", name, got)
			}
		})
	}
}

// TestPresenceForgets who left, after five minutes.
func TestPresenceForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence("test")
		stays, goes := person("1"), person("2")
		p.arrive(stays)
		p.arrive(goes)
		p.depart(goes)
		time.Sleep(presenceTTL)
		if got := shown(p, 3); got != "client-2 disconnect, client-1 connect" && got != "client-1 connect, client-2 disconnect" {
			t.Errorf("after five minutes: %s", got)
		}
		time.Sleep(time.Millisecond)
		if got := shown(p, 3); got != "client-1 connect" {
			t.Errorf("later: %s", got)
		}
	})
}

// TestPresenceIsBounded: who left longest ago makes room first, then who came first.
func TestPresenceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPresence("test")
		come := func(n int) *rpc.Caller {
			c := person(fmt.Sprint(n))
			p.arrive(c)
			time.Sleep(time.Millisecond)
			return c
		}
		var all []*rpc.Caller
		for n := range presenceRows {
			all = append(all, come(n))
		}
		for _, n := range []int{50, 40} {
			p.depart(all[n])
			time.Sleep(time.Millisecond)
		}
		if len(p.rows) != presenceRows {
			t.Fatalf("%d rows", len(p.rows))
		}
		for i, victim := range []int{50, 40, 0, 1} {
			come(presenceRows + i)
			if list := strings.Split(shown(p, 3), ", "); len(list) != presenceRows || slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, fmt.Sprintf("client-%d ", victim)) }) {
				t.Errorf("%d rows, and client %d is among them, or another is not", len(list), victim)
			}
		}
	})
}

// TestPresenceTells administrators more than others, and nobody of this machine's own address.
func TestPresenceTells(t *testing.T) {
	p := NewPresence("test")
	p.arrive(person("1", device("d", "operator"), func(c *rpc.Caller) {
		c.Client.DisplayName, c.Client.DeviceFamily, c.Client.ModelIdentifier, c.Scopes = "desk", "Mac", "Mac15", []wire.Scope{wire.ScopeRead}
	}))
	full, part := listed(p, true, 3), listed(p, false, 3)
	if r := full[1]; r.Host != "desk" || r.IP != "198.51.100.7" || r.DeviceID != "d" || r.DeviceFamily != "Mac" || r.ModelIdentifier != "Mac15" || len(r.Roles) != 1 || len(r.Scopes) != 1 {
		t.Errorf("an administrator sees %+v", r)
	}
	if r := part[1]; r.Host != "desk" || r.IP+r.DeviceID+r.InstanceID+r.DeviceFamily+r.ModelIdentifier != "" || r.Roles != nil || r.Scopes != nil || part[0].ModelIdentifier != "" {
		t.Errorf("others see %+v", part)
	}
	p = NewPresence("test")
	p.arrive(person("1", func(c *rpc.Caller) { c.RemoteIP = "127.0.0.1" }))
	if r := listed(p, true, 3)[1]; r.IP != "" {
		t.Errorf("this machine's own address is shown: %s", r.IP)
	}
}

// BenchmarkPresence is a client that comes, is listed with all others, and goes.
func BenchmarkPresence(b *testing.B) {
	p := NewPresence("test")
	for n := range presenceRows {
		p.arrive(person(fmt.Sprint(n)))
	}
	b.ReportAllocs()
	for b.Loop() {
		c := person("new")
		p.arrive(c)
		_ = p.List(true, 4)
		p.depart(c)
	}
}

// TestMembers: events go to each connection that is meant, once, and to none that left.
func TestMembers(t *testing.T) {
	m := newMembers()
	conns := map[string]*conn{}
	for _, id := range []string{"a", "b", "c"} {
		conns[id] = &conn{caller: &rpc.Caller{ConnID: id}}
		m.join(conns[id])
	}
	for name, tt := range map[string]struct {
		ids  []string
		want string
	}{
		"all": {nil, "a b c"}, "none": {[]string{}, ""}, "some, twice": {[]string{"c", "a", "c", "nobody"}, "a c"},
	} {
		var got []string
		m.each(tt.ids, func(c *conn) { got = append(got, c.caller.ConnID) })
		if slices.Sort(got); strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if m.drop(conns["b"]); m.count() != 2 || len(m.all()) != 2 {
		t.Errorf("%v are left", m.count())
	}
	if got := (&sweeper{members: m}).pace(); got != 252*time.Millisecond {
		t.Errorf("two are told of changes every %v", got)
	}
}
