package gateway_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/hashicorp/go-hclog"
)

// Whatever happens meanwhile, hello-ok comes first, and nothing after its snapshot is missed.
func TestHelloComesBeforeEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
		r := boot(t, limits(gateway.Limits{MaxQueued: 1 << 24, MaxBuffered3: 1 << 30}))
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					kind.Publish(r.bus, id{n})
					runtime.Gosched()
				}
			}
		}()
		for range 20 {
			w := r.raw(nil)
			w.read()
			w.write(strings.Replace(connectFrame, "TOKEN", token, 1))
			if got := w.read(); !strings.Contains(got, "hello-ok") {
				t.Fatalf("first came %s", got)
			}
			_ = w.ws.CloseNow()
		}
		close(stop)
		<-stopped
	})
}

func TestEventsFollowScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
		pairing := event.Kind[id]{Name: "device.pair.requested", Scope: wire.ScopePairing}
		none := event.Kind[id]{Name: "end", Scope: wire.ScopeNone}
		inside := event.Kind[id]{Name: "inside"}
		r := boot(t, methods(rpc.New("node", wire.ScopeNode, echo)))
		clients := map[string]*client.Client{
			"read":    r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeRead}}),
			"write":   r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeWrite}}),
			"pairing": r.connect(client.Options{Scopes: []wire.Scope{wire.ScopePairing}}),
			"admin":   r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeAdmin}}),
			"none":    r.connect(client.Options{Scopes: []wire.Scope{}}),
			"node":    r.connect(client.Options{Role: wire.RoleNode, MaxProtocol: 3}),
		}
		read.Publish(r.bus, id{1})
		pairing.Publish(r.bus, id{2})
		inside.Publish(r.bus, id{3})
		read.Publish(r.bus, id{4}, clients["read"].Hello().Server.ConnID, clients["none"].Hello().Server.ConnID, "nobody")
		none.Publish(r.bus, id{5})
		for name, want := range map[string]string{"read": "1 4 5", "write": "1 5", "pairing": "2 5", "admin": "1 2 5", "none": "5", "node": "5"} {
			var got []string
			var seq uint64
			for e := range clients[name].Events() {
				if e.Seq != seq+1 {
					t.Errorf("%s: seq %d after %d", name, e.Seq, seq)
				}
				seq = e.Seq
				var p id
				if e.Name == "presence" || e.Name == "health" {
					continue
				}
				if err := json.Unmarshal(e.Payload, &p); err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprint(p.N))
				if e.Name == "end" {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s saw %v, want %s", name, got, want)
			}
		}
	})
}

// counted is a payload that counts how often it is encoded.
type counted struct{ n *atomic.Int32 }

func (c counted) MarshalJSON() ([]byte, error) {
	c.n.Add(1)
	return []byte(`"x"`), nil
}

func TestAnEventIsEncodedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := event.Kind[counted]{Name: "chat", Scope: wire.ScopeRead}
		r := boot(t)
		var n atomic.Int32
		kind.Publish(r.bus, counted{&n})
		if n.Load() != 0 {
			t.Error("encoded for nobody")
		}
		clients := []*client.Client{r.connect(client.Options{}), r.connect(client.Options{}), r.connect(client.Options{})}
		kind.Publish(r.bus, counted{&n})
		for _, c := range clients {
			next(t, c, "chat")
		}
		if n.Load() != 1 {
			t.Errorf("encoded %d times", n.Load())
		}
	})
}

func TestSlowConsumerIsClosed(t *testing.T) {
	kind := event.Kind[string]{Name: "chat", Scope: wire.ScopeRead}
	lossy := event.Kind[string]{Name: "tick", Scope: wire.ScopeRead, DropIfSlow: true}
	r := boot(t, limits(gateway.Limits{MaxQueued: 100, Write: time.Second}))
	slow := r.enter(nil)
	fast := r.connect(client.Options{EventBuffer: 1000})
	for n := range 90 {
		lossy.Publish(r.bus, fmt.Sprint(n)) // the slow one loses what is beyond half its bound
	}
	for n := range 150 {
		kind.Publish(r.bus, fmt.Sprint(n))
		if e := next(t, fast, "chat"); string(e.Payload) != fmt.Sprintf("%q", fmt.Sprint(n)) {
			t.Fatalf("the fast one got %s", e.Payload)
		}
	}
	var last string
	seqs, gap := uint64(0), false
	for !strings.HasPrefix(last, "close") && !strings.HasPrefix(last, "error") {
		last = slow.read()
		var e struct{ Seq uint64 }
		if json.Unmarshal([]byte(last), &e) == nil && e.Seq > 0 {
			gap = gap || e.Seq != seqs+1
			seqs = e.Seq
		}
	}
	if last != "close 1008 slow consumer" && !strings.HasPrefix(last, "error") {
		t.Errorf("the slow one: %s", last)
	}
	if !gap {
		t.Error("the slow one could not see its loss")
	}
}

func TestRevocationClosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		phone := r.connect(client.Options{Identity: t.TempDir() + "/key"})
		owner := r.connect(client.Options{})
		var list struct {
			Paired []struct {
				DeviceID string `json:"deviceId"`
			}
		}
		if err := owner.Call(t.Context(), "device.pair.list", nil, &list); err != nil || len(list.Paired) != 1 {
			t.Fatal(list, err)
		}
		if err := owner.Call(t.Context(), "device.token.revoke", map[string]string{"deviceId": list.Paired[0].DeviceID, "role": "operator"}, nil); err != nil {
			t.Fatal(err)
		}
		<-phone.Done()
		if err := phone.Err(); err == nil || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("the phone's connection ended with %v", err)
		}
		if err := owner.Call(t.Context(), "health", nil, nil); err != nil {
			t.Errorf("the owner's connection: %v", err)
		}
	})
}

// Of a device with two roles, only the connections of the role whose token was revoked are closed; both when it is removed.
func TestRevocationIsOfARole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, methods(rpc.New("node", wire.ScopeNode, echo), rpc.New("health", wire.ScopeRead, echo)))
		key := t.TempDir() + "/key"
		operator := r.connect(client.Options{Identity: key})
		id := onlyDevice(t, r)
		node := r.connect(client.Options{Identity: key, Role: wire.RoleNode})
		other := r.connect(client.Options{Identity: t.TempDir() + "/other"})
		auth.Revoked.Publish(r.bus, auth.Revocation{DeviceID: id, Role: wire.RoleNode})
		<-node.Done()
		auth.Revoked.Publish(r.bus, auth.Revocation{DeviceID: "another's", Role: wire.RoleOperator})
		if err := operator.Call(t.Context(), "health", nil, nil); err != nil {
			t.Errorf("the other role's connection: %v", err)
		}
		node = r.connect(client.Options{Identity: key, Role: wire.RoleNode})
		auth.Revoked.Publish(r.bus, auth.Revocation{DeviceID: id})
		<-operator.Done()
		<-node.Done()
		if err := other.Call(t.Context(), "health", nil, nil); err != nil {
			t.Errorf("another device's connection: %v", err)
		}
	})
}

// onlyDevice is the id of the one device that is paired.
func onlyDevice(t *testing.T, r *rig) string {
	t.Helper()
	table, err := rpc.NewTable(r.auth.Methods()...)
	if err != nil {
		t.Fatal(err)
	}
	admin := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
	list, err := table.Call(t.Context(), admin, "device.pair.list", nil, nil)
	if err != nil || len(list.(auth.PairList).Paired) != 1 {
		t.Fatal(list, err)
	}
	return list.(auth.PairList).Paired[0].DeviceID
}

// Clients see by the versions in events whether the state that they keep a copy of is the latest; other events carry none.
func TestVersionsOfTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		news, state := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}, event.Kind[id]{Name: "health", Scope: wire.ScopeRead}
		r := boot(t)
		c := r.connect(client.Options{})
		before := next(t, c, "health").Version.Health // with hello-ok
		news.Publish(r.bus, id{1})
		state.Publish(r.bus, id{2})
		if e := next(t, c, "chat"); e.Version != nil {
			t.Errorf("an event that is no state's: %+v", e.Version)
		}
		if e := next(t, c, "health"); e.Version.Health != before+1 {
			t.Errorf("version %d after %d", e.Version.Health, before)
		}
	})
}

// An event that cannot be encoded is news all the same.
func TestAnEventWithoutWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logstest.Buffer
		r := boot(t, func(_ *authDeps, d *gateway.Deps) { d.Logger = hclog.New(&hclog.LoggerOptions{Output: &log}) })
		c := r.connect(client.Options{})
		event.Kind[func()]{Name: "chat", Scope: wire.ScopeRead}.Publish(r.bus, func() {})
		if e := next(t, c, "chat"); string(e.Payload) != "{}" || !strings.Contains(log.String(), "event not encoded: event=chat") {
			t.Errorf("%s; the log: %s", e.Payload, log.String())
		}
	})
}

func TestWithCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		able := r.connect(client.Options{Caps: []string{"a", "b"}})
		r.connect(client.Options{Caps: []string{"a"}})
		if got := r.gw.WithCap("b"); len(got) != 1 || got[0] != able.Hello().Server.ConnID {
			t.Errorf("able are %v", got)
		}
	})
}

// worded is told in the words of the protocol.
type worded struct{}

func (worded) Version(protocol int) any { return map[string]int{"protocol": protocol} }

// The clients of each protocol hear of an event in their own words, whoever comes first.
func TestEventsInTheWordsOfTheProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := event.Kind[worded]{Name: "chat", Scope: wire.ScopeRead}
		r := boot(t)
		var clients []*client.Client
		for _, protocol := range []int{4, 3, 4, 3} {
			clients = append(clients, r.connect(client.Options{MinProtocol: protocol, MaxProtocol: protocol}))
		}
		kind.Publish(r.bus, worded{})
		for _, c := range clients {
			for e := range c.Events() {
				if e.Name != kind.Name {
					continue
				}
				if want := fmt.Sprintf(`{"protocol":%d}`, c.Hello().Protocol); string(e.Payload) != want {
					t.Errorf("%s, want %s", e.Payload, want)
				}
				break
			}
		}
	})
}
