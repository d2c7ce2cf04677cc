package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnyTransactionMayFail lives through the same day again and again. Each time another transaction fails: it is not
// begun, or is undone when it was carried out, alone or with all that follow for a while, as on a full disk. Whoever
// asked for something hears of it and asks again; nothing that was said is lost, and nothing happens twice.
func TestAnyTransactionMayFail(t *testing.T) {
	t.Parallel()
	total := faultyDay(t, "", 0, 0)
	if total < 40 {
		t.Fatalf("a day has %d transactions", total)
	}
	for _, f := range []struct {
		fault      storetest.Fault
		most, step int
	}{{storetest.FaultBefore, 1, 1}, {storetest.FaultCommit, 1, 2}, {storetest.FaultCommit, 12, 5}} {
		for first := 1; first <= total && !t.Failed(); first += f.step {
			faultyDay(t, f.fault, first, f.most)
		}
	}
}

// faultyDay returns how many transactions the day had.
func faultyDay(t *testing.T, fault storetest.Fault, first, most int) (transactions int) {
	synctest.Test(t, func(t *testing.T) {
		var logged []string
		d := &day{t: t, disk: storetest.NewFaulty(store.OpenMemory()), keyring: kerneltest.Keyring{}}
		defer func() {
			if t.Failed() {
				t.Logf("transactions from %d on failed %q, %d in all:\n%s", first, fault, most, strings.Join(logged, "\n"))
			}
		}()
		d.platform, d.reach = kerneltest.NewMemoryPlatform(t)
		d.disk.Fail(fault, first, most)
		d.begin()
		d.live()
		transactions, logged = d.disk.Transactions(), d.kernel.Logged()
		d.kernel.Stop()
		d.disk.Fail("", 0, 0)
		d.begin()
		d.look()
	})
	return transactions
}

// day is what a household does with a gateway whose disk fails at times.
type day struct {
	t        *testing.T
	disk     *storetest.Faulty
	keyring  kerneltest.Keyring
	platform *kerneltest.Platform
	reach    kerneltest.Option
	kernel   *kerneltest.Kernel
	client   *kerneltest.Listener
}

// begin starts a gateway, again if the disk lets it not.
func (d *day) begin() {
	d.t.Helper()
	d.client = nil
	err := d.insist(func() (err error) {
		d.kernel, err = kerneltest.TryStart(d.t, kerneltest.Store(d.disk, d.keyring), d.reach, account(d.t, d.platform, ""),
			kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo")))
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	var list struct{ Plugins []struct{ State string } }
	for range 30 {
		d.call("plugins.status", object{}, &list)
		if !slices.ContainsFunc(list.Plugins, func(p struct{ State string }) bool { return p.State == "failed" }) {
			return
		}
		time.Sleep(time.Second)
	}
	d.t.Fatalf("plugins stay failed: %v", list)
}

// insist does something until the store lets it, a second apart.
func (d *day) insist(do func() error) (err error) {
	for range 30 {
		if err = do(); wit.CodeOf(err) != wit.CodeUnavailable {
			return err
		}
		time.Sleep(time.Second)
	}
	return err
}

// try calls a method, on a new connection where the last one is gone, and again while the store refuses.
func (d *day) try(method string, params, out any) error {
	return d.insist(func() error {
		if d.client == nil || d.client.Err() != nil {
			c, err := d.kernel.TryDial(client.Options{Scopes: []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing}, Token: kerneltest.Token})
			if err != nil {
				return err
			}
			d.client = kerneltest.Listen(d.t, c)
		}
		return d.client.Call(d.t.Context(), method, params, out)
	})
}

func (d *day) call(method string, params, out any) {
	d.t.Helper()
	if err := d.try(method, params, out); err != nil {
		d.t.Fatalf("%s: %v", method, err)
	}
}

// live is the day.
func (d *day) live() {
	d.call("plugins.configure", object{"id": "chat", "account": "home", "secrets": map[string]string{"token": "platform-token"}}, nil)
	d.pair("ann")
	d.platform.Say("ann", "good morning")
	d.platform.Answered("you said: good morning")
	d.call("chat.send", object{"sessionKey": "desk", "message": "at the desk", "idempotencyKey": "desk-1"}, nil)
	d.waitFor("desk-1")
	d.call("sessions.patch", object{"key": "desk", "label": "work"}, nil)
	d.call("send", object{"channel": "chat", "to": "ann", "message": "a note", "idempotencyKey": "note-1"}, nil)
	d.platform.Answered("a note")
	d.remind()
	d.platform.Say("ann", "good night")
	d.platform.Answered("you said: good night")
	time.Sleep(2 * time.Minute)
}

// pair lets a person in: a code is sent, the owner approves it.
func (d *day) pair(person string) {
	d.t.Helper()
	d.platform.Say(person, "let me in")
	d.platform.Until("the person has a code", func(p []kerneltest.Post) bool { return len(p) > 0 })
	var pending struct{ Requests []struct{ RequestID string } }
	d.call("channels.pairing.list", object{}, &pending)
	if len(pending.Requests) != 1 {
		d.t.Fatalf("%d people wait", len(pending.Requests))
	}
	// An approval whose answer was lost has happened.
	err := d.try("channels.pairing.approve", object{"channel": "chat", "code": pending.Requests[0].RequestID}, nil)
	if code := wit.CodeOf(err); code != "" && code != wit.CodeNotFound {
		d.t.Fatal(err)
	}
}

// waitFor waits until a run has ended, however often the store has to be asked.
func (d *day) waitFor(run string) {
	d.t.Helper()
	var end struct{ Status string }
	d.call("agent.wait", object{"runId": run, "timeoutMs": 60_000}, &end)
	if end.Status != "ok" {
		d.t.Fatalf("the run %s ended %q", run, end.Status)
	}
}

// remind has a job fire once.
func (d *day) remind() {
	d.t.Helper()
	d.call("cron.add", object{
		"name": "tea", "schedule": object{"kind": "at", "atMs": time.Now().Add(time.Minute).UnixMilli()}, "sessionTarget": "isolated",
		"wakeMode": "now", "payload": object{"kind": "agentTurn", "message": "drink tea", "deliver": true},
		"delivery": object{"mode": "announce", "channel": "chat", "accountId": "home", "to": "ann"},
	}, nil)
	time.Sleep(2 * time.Minute)
}

// look compares what is left of the day with what was said.
func (d *day) look() {
	d.t.Helper()
	time.Sleep(2 * time.Minute)
	said := map[string]map[string]bool{}
	for _, p := range d.platform.Posts() {
		if said[p.Text] == nil {
			said[p.Text] = map[string]bool{}
		}
		said[p.Text][p.Key] = true
	}
	for _, text := range []string{"you said: good morning", "a note", "you said: drink tea", "you said: good night"} {
		if len(said[text]) != 1 {
			d.t.Errorf("%q was sent %d times", text, len(said[text]))
		}
	}
	for session, want := range map[string]string{
		"chat:dm:ann": "good morning, you said: good morning, good night, you said: good night", "desk": "at the desk, you said: at the desk",
	} {
		var history struct {
			Messages []struct{ Content []struct{ Text string } }
		}
		d.call("chat.history", object{"sessionKey": session}, &history)
		var texts []string
		for _, m := range history.Messages {
			texts = append(texts, m.Content[0].Text)
		}
		if got := strings.Join(texts, ", "); got != want {
			d.t.Errorf("the session %s has %q", session, got)
		}
	}
	var list struct {
		Sessions []struct{ Key, Label, RunningRun string }
	}
	d.call("sessions.list", object{"label": "work"}, &list)
	if len(list.Sessions) != 1 || list.Sessions[0].Label != "work" {
		d.t.Errorf("the labelled sessions are %s", fmt.Sprint(list))
	}
}
