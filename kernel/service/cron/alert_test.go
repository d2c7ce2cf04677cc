package cron_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// told are the alarms so far, one a line, without their keys, each of which is there once.
func (b *bench) told() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	keys := map[string]bool{}
	for _, a := range b.alarms {
		if a.Key == "" || keys[a.Key] {
			b.Errorf("the key %q is not its own", a.Key)
		}
		keys[a.Key] = true
		lines = append(lines, strings.TrimRight(strings.Join([]string{a.Channel, a.To, a.AccountID, a.ThreadID, a.Text}, "|"), "|"))
	}
	return strings.Join(lines, "\n")
}

// After so many failures in a row somebody is told, where the alert says or else the job's delivery, and then not for a
// while.
func TestFailureAlert(t *testing.T) {
	const delivery = `,"delivery":{"mode":"none","channel":"chat","to":"7","accountId":"work","threadId":"12"}`
	said := func(n int, where string) string {
		return where + fmt.Sprintf(`Cron job "n" failed %d times in a row: broken`, n)
	}
	for _, c := range []struct{ alert, rest, want string }{
		{`{}`, delivery, said(2, "chat|7|work|12|")},
		{`{"after":4}`, delivery, said(4, "chat|7|work|12|")},
		{`{"after":5}`, delivery, ""},
		{`{"after":3,"cooldownMs":0}`, delivery, said(3, "chat|7|work|12|") + "\n" + said(4, "chat|7|work|12|")},
		{`{"after":1,"cooldownMs":120000}`, delivery, `chat|7|work|12|Cron job "n" failed: broken` + "\n" + said(3, "chat|7|work|12|")},
		{`{"to":"8"}`, delivery, said(2, "chat|8|work||")},
		{`{"channel":"mail","to":"me"}`, delivery, said(2, "mail|me|||")},
		{`{"mode":"announce","channel":"chat"}`, delivery, said(2, "chat|7|work|12|")},
		{`{}`, `,"delivery":{"mode":"none"}`, said(2, "||||")},
		{`false`, delivery, ""},
		{`null`, delivery, ""},
	} {
		inBubble(t, 4, func(b *bench) {
			b.fail("broken")
			b.add(job(every, "isolated", turn, `,"failureAlert":`+c.alert+c.rest))
			b.sleep(4*time.Minute + time.Second)
			if got := b.told(); got != c.want {
				b.Errorf("%s %s:\n%s\nwant\n%s", c.alert, c.rest, got, c.want)
			}
		})
	}
}

// Failures are in a row when no run between them went well; system events fail too.
func TestFailuresInARow(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(every, "main", ping, `,"failureAlert":{"after":2,"to":"7","channel":"chat","cooldownMs":0}`))
		for _, failure := range []string{"a", "", "b", "c", ""} {
			b.mu.Lock()
			if b.err = nil; failure != "" {
				b.err = wit.NewError(wit.CodeUnavailable, failure)
			}
			b.mu.Unlock()
			b.sleep(time.Minute)
			if out, err := b.call("cron.get", `{"id":"`+id+`"}`); failure == "c" && (err != nil || !strings.Contains(out, `"consecutiveErrors":2,"lastFailureAlertAtMs":946685040000}`)) {
				b.Errorf("state: %s, %v", out, err)
			}
		}
		if got, want := b.told(), `chat|7|||Cron job "n" failed 2 times in a row: c`; got != want {
			b.Errorf("%s, want %s", got, want)
		}
		if out, _ := b.call("cron.get", `{"id":"`+id+`"}`); strings.Contains(out, "consecutiveErrors") {
			b.Errorf("after a good run: %s", out)
		}
		out, err := b.call("cron.runs", `{"id":"`+id+`","query":"c","status":"error"}`)
		if err != nil || strings.Count(out, `"failureNotificationDelivery":{"status":"unknown"}`) != 1 {
			b.Errorf("runs: %s, %v", out, err)
		}
	})
}

// Where nobody can be told, the main session is, and the history says so.
func TestFailuresThatNobodyHears(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		b.mu.Lock()
		b.broken = "m/1"
		b.mu.Unlock()
		b.add(job(every, "isolated", `{"kind":"agentTurn","message":"m","model":"m/1"}`, `,"failureAlert":{"after":1,"channel":"chat","to":"nobody"}`))
		b.sleep(time.Minute)
		if got, want := b.heard(&b.said), `Cron job "n" failed: m/1 is down|now|`; got != want {
			b.Errorf("the main session hears %q, want %q", got, want)
		}
		if out, err := b.call("cron.runs", `{"status":"error"}`); err != nil || !strings.Contains(out, `"failureNotificationDelivery":{"status":"not-delivered","error":"there is nobody"}`) {
			b.Errorf("%s, %v", out, err)
		}
	})
}

// A failure destination hears of each failure, unless the delivery is one for which it does not matter.
func TestFailureDestination(t *testing.T) {
	for rest, want := range map[string]string{
		`{"mode":"none","failureDestination":{"channel":"mail","to":"me"}}`:                   `mail|me|||Cron job "n" failed: broken`,
		`{"mode":"announce","channel":"chat","to":"7","failureDestination":{}}`:               `chat|7|||Cron job "n" failed: broken`,
		`{"mode":"none","bestEffort":true,"failureDestination":{"channel":"mail","to":"me"}}`: ``,
		`{"mode":"none","failureDestination":null}`:                                           ``,
	} {
		inBubble(t, 4, func(b *bench) {
			b.fail("broken")
			id := b.add(job(every, "isolated", turn, `,"delivery":`+rest))
			b.sleep(time.Minute)
			if got := b.told(); got != want {
				b.Errorf("%s: %s, want %s", rest, got, want)
			}
			if out, _ := b.call("cron.get", `{"id":"`+id+`"}`); strings.Contains(rest, `"me"`) && !strings.Contains(out, `"failureDestination":{"channel":"mail","to":"me"}`) {
				b.Errorf("kept: %s", out)
			}
		})
	}
}

// What a patch says of an alert changes that alone.
func TestAlertPatches(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(every, "main", ping, `,"failureAlert":{"after":3,"to":"7"}`))
		for _, c := range []struct{ patch, want string }{
			{`{}`, `{"after":3,"to":"7"}`},
			{`{"failureAlert":{"after":null,"channel":"chat"}}`, `{"channel":"chat","to":"7"}`},
			{`{"failureAlert":false}`, `false`},
			{`{"name":"other"}`, `false`},
			{`{"failureAlert":{"after":1}}`, `{"after":1}`},
			{`{"failureAlert":null}`, ``},
		} {
			out, err := b.call("cron.update", `{"id":"`+id+`","patch":`+c.patch+`}`)
			if c.want != "" {
				c.want = `"failureAlert":` + c.want + `,`
			}
			if err != nil || !strings.Contains(out, c.want) || c.want == "" && strings.Contains(out, "failureAlert") {
				b.Errorf("%s: %s, %v; want %s", c.patch, out, err, c.want)
			}
		}
	})
}

// A turn may use the tools that its job names, and no others.
func TestToolsAllow(t *testing.T) {
	for given, want := range map[string][]string{
		`["calc","a.b-c_D9"]`: {"calc", "a.b-c_D9"}, `[]`: {}, `["calc","*"]`: nil, `null`: nil,
	} {
		inBubble(t, 4, func(b *bench) {
			id := b.add(job(every, "isolated", `{"kind":"agentTurn","message":"m","toolsAllow":`+given+`}`, ``))
			b.sleep(time.Minute)
			if got := b.turn(0); got.Key == "" || !reflect.DeepEqual(got.Tools, want) {
				b.Errorf("%s: %#v, want %#v", given, got.Tools, want)
			}
			if out, _ := b.call("cron.get", `{"id":"`+id+`"}`); strings.Contains(out, `"toolsAllow":`+given) != (given != "null") {
				b.Errorf("kept of %s: %s", given, out)
			}
			b.want(id, "cron.update", `{"id":"ID","patch":{"payload":{"kind":"agentTurn","toolsAllow":null}}}`,
				`{"id":"ID","name":"n","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684860000,"schedule":{"kind":"every","everyMs":60000},"sessionTarget":"isolated","wakeMode":"now",`+
					`"payload":{"kind":"agentTurn","message":"m"},"delivery":{"mode":"announce","bestEffort":true},"state":{"nextRunAtMs":946684920000,"lastRunAtMs":946684860000,"lastStatus":"ok","lastRunStatus":"ok","lastDurationMs":0},`+
					`"nextRunAtMs":946684920000,"lastRunAtMs":946684860000,"lastRunStatus":"ok"}`)
		})
	}
}

// A model that fails has its fallbacks, each in a turn of its own.
func TestFallbacks(t *testing.T) {
	for broken, want := range map[string]string{"": "a", "a": "a b", "a b": "a b c", "a b c": "a b c"} {
		inBubble(t, 4, func(b *bench) {
			b.mu.Lock()
			b.broken = broken
			b.mu.Unlock()
			b.add(job(every, "isolated", `{"kind":"agentTurn","message":"m","model":"a","fallbacks":["b","c"]}`, ``))
			b.sleep(time.Minute)
			var models []string
			keys := map[string]bool{}
			for i := 0; b.turn(i).Key != ""; i++ {
				models, keys[b.turn(i).Key] = append(models, b.turn(i).Model), true
			}
			if got := strings.Join(models, " "); got != want || len(keys) != len(models) {
				b.Errorf("%q is broken: asked %s with keys %v, want %s", broken, got, keys, want)
			}
		})
	}
}

// A revision names what a job is, and an update that names another one is refused.
func TestConfigRevision(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(every, "main", ping, ``))
		read := func() string {
			out, err := b.call("cron.get", `{"id":"`+id+`"}`)
			_, rest, ok := strings.Cut(out, `"configRevision":"`)
			if err != nil || !ok {
				b.Fatalf("%s, %v", out, err)
			}
			revision, _, _ := strings.Cut(rest, `"`)
			return revision
		}
		first := read()
		b.sleep(time.Minute)
		if again := read(); again != first {
			b.Errorf("a run has changed %s to %s", first, again)
		}
		rename := func(revision string) error {
			_, err := b.call("cron.update", `{"id":"`+id+`","expectedConfigRevision":"`+revision+`","patch":{"name":"other"}}`)
			return err
		}
		if err := rename(first); err != nil {
			b.Error(err)
		}
		if err := rename(first); wit.CodeOf(err) != wit.CodeConflict {
			b.Errorf("of a job that was changed: %v", err)
		}
		if err := rename(read()); err != nil {
			b.Error(err)
		}
	})
}
