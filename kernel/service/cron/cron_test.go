package cron_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// bench is the service in a synctest bubble that starts at 2000-01-01 UTC, with a protocol to call in.
type bench struct {
	*testing.T
	table    *rpc.Table
	protocol int
	scopes   []wire.Scope
	stop     func()

	mu     sync.Mutex
	events []string // what clients are told
	said   []string // what the main session is told
	turns  []cron.Turn
	alarms []cron.Alarm
	broken string        // the models that fail, besides
	err    error         // of the ports
	takes  time.Duration // a turn
	answer *string       // of a turn, if not the usual one
	began  time.Time
	// posts are what webhooks were sent, and refusals how they answer, the last one first.
	posts    []string
	refusals []wit.Code
	// outcome of a turn.
	outcome cron.Outcome
	ahead   atomic.Int64 // how much later than it is the scheduler's clock shows
}

func (b *bench) SystemEvent(_ context.Context, text string, now bool, agentID, key string) error {
	wakeMode := "next-heartbeat"
	if now {
		wakeMode = "now"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, fmt.Sprintf("%s|%s|%s", text, wakeMode, agentID))
	if key == "" {
		b.Error("a system event has no key")
	}
	return b.err
}

func (b *bench) AgentTurn(ctx context.Context, t cron.Turn) (cron.Answer, error) {
	b.mu.Lock()
	b.turns = append(b.turns, t)
	takes, answer, err := b.takes, "Hello!", b.err
	if t.Model != "" && strings.Contains(b.broken, t.Model) {
		answer, err = "", wit.NewError(wit.CodeUnavailable, t.Model+" is down")
	}
	if b.answer != nil {
		answer = *b.answer
	}
	b.mu.Unlock()
	select {
	case <-time.After(takes):
		return cron.Answer{Text: answer, Outcome: b.outcome}, err
	case <-ctx.Done():
		return cron.Answer{}, ctx.Err()
	}
}

func (b *bench) Alarm(_ context.Context, a cron.Alarm) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarms = append(b.alarms, a)
	if a.To == "nobody" {
		return wit.NewError(wit.CodeNotFound, "there is nobody")
	}
	return nil
}

// Post takes a report, unless the last of the refusals that are left is the answer.
func (b *bench) Post(_ context.Context, address, key string, body []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.posts = append(b.posts, fmt.Sprintf("%d %s %s %s", int(time.Since(b.began).Seconds()), address, key, body))
	if n := len(b.refusals); n > 0 {
		code := b.refusals[n-1]
		b.refusals = b.refusals[:n-1]
		return wit.NewError(code, "it answers otherwise")
	}
	return nil
}

// fail makes the ports fail from now on.
func (b *bench) fail(message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.New(message)
}

// heard returns the lines of b.said or b.events so far.
func (b *bench) heard(lines *[]string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(*lines, "\n")
}

// turn returns the turn of that number, the zero one if there was none.
func (b *bench) turn(i int) cron.Turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i >= len(b.turns) {
		return cron.Turn{}
	}
	return b.turns[i]
}

// take makes turns take so long from now on.
func (b *bench) take(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takes = d
}

func inBubble(t *testing.T, protocol int, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, began: time.Now(), protocol: protocol, scopes: []wire.Scope{wire.ScopeAdmin}}
		sched := schedule.New(schedule.Deps{Store: store.OpenMemory(), Claims: new(claim.Local), Zone: time.UTC,
			Now: func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }})
		bus := &event.Bus{}
		cancel := cron.Changes.Subscribe(bus, func(c cron.Change) {
			out, err := json.Marshal(c.Version(protocol))
			if err != nil {
				t.Error(err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, string(out))
		})
		defer cancel()
		s := cron.New(cron.Deps{Scheduler: sched, Bus: bus, Events: b, Turns: b, Alarms: b, Webhooks: b, Agent: agents, Answers: answers, StorePath: "/state/carapace.db"})
		var err error
		if b.table, err = rpc.NewTable(s.Methods()...); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- sched.Run(ctx) }()
		b.stop = func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			b.stop = func() {}
		}
		synctest.Wait()
		test(b)
		b.stop()
	})
}

// agents are main, a, a1 and a2. Who asks lets others go on meanwhile.
// answers is what the service asks of the sessions.
func answers(sessionKey, agent string) error {
	_, err := session.Settings{Agents: []string{"a", "a1", "a2"}}.Find(sessionKey, agent)
	return err
}

func agents(id string) (string, error) {
	runtime.Gosched()
	switch id {
	case "":
		return "main", nil
	case "main", "a", "a1", "a2":
		return id, nil
	}
	return "", wit.Errorf(wit.CodeInvalid, "unknown agent id %q", id)
}

func (b *bench) sleep(d time.Duration) { time.Sleep(d); synctest.Wait() }

// call returns the answer's JSON, or the error.
func (b *bench) call(method, params string) (string, error) {
	out, err := b.table.Call(b.Context(), &rpc.Caller{Role: wire.RoleOperator, Scopes: b.scopes, Protocol: b.protocol}, method, json.RawMessage(params), nil)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(out)
	return string(text), err
}

// want calls a method and compares the answer; ID in both stands for id.
func (b *bench) want(id, method, params, answer string) {
	b.Helper()
	got, err := b.call(method, strings.ReplaceAll(params, "ID", id))
	got = withoutRevision(got)
	if want := strings.ReplaceAll(answer, "ID", id); got != want || err != nil {
		b.Errorf("%s %s:\n got %s, %v\nwant %s", method, params, got, err, want)
	}
}

// withoutRevision leaves the revisions of jobs out.
func withoutRevision(text string) string {
	return regexp.MustCompile(`,"configRevision":"[^"]+"`).ReplaceAllString(text, "")
}

// add returns the new job's id.
func (b *bench) add(params string) string {
	b.Helper()
	out, err := b.call("cron.add", params)
	if err != nil {
		b.Fatalf("cron.add %s: %v", params, err)
	}
	var j struct{ ID string }
	if err := json.Unmarshal([]byte(out), &j); err != nil || j.ID == "" {
		b.Fatalf("cron.add: %s, %v", out, err)
	}
	return j.ID
}

// A conversation as clients of protocol 3 have it.
func TestProtocol3(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		b.take(942 * time.Millisecond)
		id := b.add(`{"name":"j1","schedule":{"kind":"every","everyMs":3600000},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"cron hello","deliver":false}}`)
		const job = `{"id":"ID","name":"j1","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"every","everyMs":3600000},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"cron hello","deliver":false},"state":{"nextRunAtMs":946688400000}}`
		b.want(id, "cron.list", `{}`, `{"jobs":[`+job+`]}`)
		soon := b.add(`{"name":"j2","schedule":{"kind":"at","atMs":946685400000,"at":"2000-01-01T00:10:00.000Z"},"sessionTarget":"main","wakeMode":"next-heartbeat","payload":{"kind":"systemEvent","text":"ping"}}`)
		const ping = `{"id":"SOON","name":"j2","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"at","atMs":946685400000},"sessionTarget":"main","wakeMode":"next-heartbeat","payload":{"kind":"systemEvent","text":"ping"},"state":{"nextRunAtMs":946685400000}}`
		b.want(id, "cron.list", `{"includeDisabled":true}`, `{"jobs":[`+strings.ReplaceAll(ping, "SOON", soon)+`,`+job+`]}`)
		b.sleep(7 * time.Millisecond)
		changed := strings.Replace(job, `"name":"j1"`, `"name":"j1","description":"d"`, 1)
		changed = strings.Replace(changed, `"updatedAtMs":946684800000`, `"updatedAtMs":946684800007`, 1)
		b.want(id, "cron.update", `{"id":"ID","patch":{"enabled":true,"description":"d"}}`, changed)
		b.want(id, "cron.run", `{"id":"ID","mode":"force"}`, `{"ok":true,"ran":true}`)
		b.want(id, "cron.runs", `{"id":"ID","limit":5}`, `{"entries":[{"ts":946684800949,"jobId":"ID","action":"finished","status":"ok","summary":"Hello!","runAtMs":946684800007,"durationMs":942,"nextRunAtMs":946688400000}]}`)
		b.want(id, "cron.run", `{"jobId":"ID","mode":"due"}`, `{"ok":true,"ran":false,"reason":"not-due"}`)
		b.want(id, "cron.status", `{}`, `{"enabled":true,"storePath":"/state/carapace.db","storage":"sqlite","sqlitePath":"/state/carapace.db","triggersEnabled":false,"jobs":2,"nextWakeAtMs":946685400000}`)
		b.want(id, "cron.remove", `{"id":"ID"}`, `{"ok":true,"removed":true}`)
		b.want(id, "cron.remove", `{"jobId":"ID"}`, `{"ok":true,"removed":false}`)
		b.want(id, "cron.runs", `{"id":"ID"}`, `{"entries":[]}`)

		events := []string{
			`{"jobId":"ID","action":"added","nextRunAtMs":946688400000}`,
			`{"jobId":"SOON","action":"added","nextRunAtMs":946685400000}`,
			`{"jobId":"ID","action":"updated","nextRunAtMs":946688400000}`,
			`{"jobId":"ID","action":"started","runAtMs":946684800007}`,
			`{"jobId":"ID","action":"finished","runAtMs":946684800007,"durationMs":942,"status":"ok","summary":"Hello!","nextRunAtMs":946688400000}`,
			`{"jobId":"ID","action":"removed"}`,
		}
		want := strings.NewReplacer("ID", id, "SOON", soon).Replace(strings.Join(events, "\n"))
		if got := b.heard(&b.events); got != want {
			b.Errorf("events:\n%s\nwant\n%s", got, want)
		}
		b.sleep(10 * time.Minute)
		if got := b.heard(&b.said); got != "ping|next-heartbeat|" {
			b.Errorf("the main session hears %q", got)
		}
		b.want(soon, "cron.list", `{}`, `{"jobs":[]}`)
		turn := b.turn(0)
		if turn.Key == "" || b.turn(1).Key != "" {
			b.Errorf("turns %+v, %+v", turn, b.turn(1))
		}
		turn.Key = ""
		if !reflect.DeepEqual(turn, cron.Turn{Message: "cron hello", SessionKey: "cron:" + id}) {
			b.Errorf("turn %+v", turn)
		}
	})
}

// What the command line of protocol 3 sends, with every field.
func TestProtocol3Full(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		id := b.add(`{"name":"n","agentId":null,"description":"d","enabled":true,"deleteAfterRun":false,"schedule":{"kind":"cron","expr":"0 9 * * 1","tz":"Europe/Vienna"},"sessionTarget":"isolated","wakeMode":"next-heartbeat",
			"payload":{"kind":"agentTurn","message":"m","model":"p/m","thinking":"low","timeoutSeconds":30,"deliver":true,"channel":"last","to":"+1","bestEffortDeliver":true},
			"isolation":{"postToMainPrefix":"Cron","postToMainMode":"summary","postToMainMaxChars":8000}}`)
		b.want(id, "cron.get", `{"id":"ID"}`, `{"id":"ID","name":"n","description":"d","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"cron","expr":"0 9 * * 1","tz":"Europe/Vienna"},"sessionTarget":"isolated","wakeMode":"next-heartbeat",`+
			`"payload":{"kind":"agentTurn","message":"m","model":"p/m","thinking":"low","timeoutSeconds":30,"deliver":true,"channel":"last","to":"+1","bestEffortDeliver":true},`+
			`"isolation":{"postToMainPrefix":"Cron","postToMainMode":"summary","postToMainMaxChars":8000},"state":{"nextRunAtMs":946886400000}}`)
		b.want(id, "cron.run", `{"id":"ID"}`, `{"ok":true,"ran":true}`)
		if t := b.turn(0); !t.Deliver || t.Channel != "last" || t.To != "+1" || !t.BestEffort || t.Model != "p/m" || t.Thinking != "low" || t.TimeoutSeconds != 30 {
			b.Errorf("turn %+v", t)
		}
		b.fail("no model")
		b.want(id, "cron.run", `{"id":"ID"}`, `{"ok":true,"ran":true}`)
		if got := b.heard(&b.said); got != "Cron: Hello!|next-heartbeat|\nCron (error): no model|next-heartbeat|" {
			b.Errorf("the main session hears %q", got)
		}
		out, err := b.call("cron.runs", `{"id":"`+id+`"}`)
		if err != nil || strings.Index(out, `"status":"ok"`) > strings.Index(out, `"error":"no model"`) || !strings.Contains(out, `"error":"no model"`) {
			b.Errorf("runs, the latest last: %s, %v", out, err)
		}
	})
}

func TestProtocol4(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(`{"name":"n","schedule":{"kind":"at","at":"2000-01-01T02:00:00+01:00"},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"m"},"delivery":{"mode":"announce","channel":"chat","to":"7","threadId":12,"accountId":"work","bestEffort":true}}`)
		b.want(id, "cron.get", `{"jobId":"ID"}`, `{"id":"ID","name":"n","enabled":true,"deleteAfterRun":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"at","at":"2000-01-01T01:00:00.000Z"},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"m"},"delivery":{"mode":"announce","channel":"chat","to":"7","accountId":"work","threadId":"12","bestEffort":true},"state":{"nextRunAtMs":946688400000},"nextRunAtMs":946688400000}`)
		b.take(time.Minute)
		out, err := b.call("cron.run", `{"id":"`+id+`"}`)
		if err != nil || !strings.HasPrefix(out, `{"ok":true,"enqueued":true,"runId":"cron:`+id) || !strings.Contains(out, `"processInstanceId":"`) {
			b.Errorf("run: %s, %v", out, err)
		}
		b.want(id, "cron.run", `{"id":"ID"}`, `{"ok":true,"ran":false,"reason":"already-running"}`)
		if _, err := b.call("cron.run", `{"id":"`+id+`","expectedProcessInstanceId":"another"}`); wit.CodeOf(err) != wit.CodeConflict {
			b.Errorf("run for another process: %v", err)
		}
		b.sleep(2 * time.Minute)
		if t := b.turn(0); !t.Deliver || t.Channel != "chat" || t.To != "7" || t.ThreadID != "12" || t.AccountID != "work" || !t.BestEffort {
			b.Errorf("turn %+v", t)
		}
		b.want(id, "cron.list", `{}`, `{"jobs":[],"total":0,"offset":0,"limit":1,"hasMore":false,"nextOffset":null,"snapshotRevision":"0"}`)
		out, err = b.call("cron.runs", `{"scope":"all","limit":1}`)
		if err != nil || !strings.Contains(out, `"runId":"cron:`+id) || !strings.Contains(out, `"jobName":"n"`) || !strings.Contains(out, `"total":1,"offset":0,"limit":1,"hasMore":false,"nextOffset":null`) {
			b.Errorf("runs: %s, %v", out, err)
		}
		_, err = b.call("cron.get", `{"id":"x"}`)
		if details := rpc.DetailsOf(err); wit.CodeOf(err) != wit.CodeNotFound || fmt.Sprint(details) != "map[code:CRON_JOB_NOT_FOUND jobId:x]" {
			b.Errorf("missing: %v, details %v", err, details)
		}
	})
}

// A job that came by one protocol is shown in the words of the other.
func TestBetweenProtocols(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		id := b.add(`{"name":"n","schedule":{"kind":"at","atMs":946688400000},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"m","to":"7","channel":"chat"}}`)
		b.protocol = 4
		const four = `{"id":"ID","name":"n","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"at","at":"2000-01-01T01:00:00.000Z"},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"m"},"delivery":{"mode":"announce","channel":"chat","to":"7"},"state":{"nextRunAtMs":946688400000},"nextRunAtMs":946688400000}`
		b.want(id, "cron.get", `{"id":"ID"}`, four)
		b.want(id, "cron.update", `{"id":"ID","patch":{"delivery":{"mode":"none","to":null}}}`, strings.Replace(four, `"mode":"announce","channel":"chat","to":"7"`, `"mode":"none","channel":"chat"`, 1))
		b.protocol = 3
		b.want(id, "cron.get", `{"id":"ID"}`, `{"id":"ID","name":"n","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"at","atMs":946688400000},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"m","deliver":false,"channel":"chat"},"state":{"nextRunAtMs":946688400000}}`)
	})
}

func TestUpdate(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(`{"name":"n","agentId":"a","schedule":{"kind":"every","everyMs":60000,"anchorMs":946684800000},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"m","model":"x","thinking":"high"},"delivery":{"mode":"none"}}`)
		const rest = `"enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"every","everyMs":60000,"anchorMs":946684800000},`
		b.want(id, "cron.update", `{"jobId":"ID","patch":{"name":"o","agentId":null,"sessionTarget":"session:agent:main:x","payload":{"kind":"agentTurn","model":null}}}`,
			`{"id":"ID","name":"o",`+rest+`"sessionTarget":"session:agent:main:x","wakeMode":"now","payload":{"kind":"agentTurn","message":"m","thinking":"high"},"delivery":{"mode":"none"},"state":{"nextRunAtMs":946684860000},"nextRunAtMs":946684860000}`)
		b.sleep(61 * time.Second)
		if b.turn(0).SessionKey != "agent:main:x" {
			b.Errorf("turn %+v", b.turn(0))
		}
		out, err := b.call("cron.update", `{"id":"`+id+`","patch":{"enabled":false,"sessionTarget":"main","payload":{"kind":"systemEvent","text":"t"}}}`)
		if err != nil || !strings.Contains(withoutRevision(out), `"payload":{"kind":"systemEvent","text":"t"},"state":{"lastRunAtMs":946684860000,"lastStatus":"ok","lastRunStatus":"ok","lastDurationMs":0},"lastRunAtMs":946684860000,"lastRunStatus":"ok"}`) {
			b.Errorf("update: %s, %v", out, err)
		}
		b.want(id, "cron.run", `{"id":"ID","mode":"if-enabled"}`, `{"ok":true,"ran":false,"reason":"disabled"}`)
		for _, c := range []string{
			`{"patch":{}}`, `{"id":"ID"}`, `{"id":"ID","patch":{"name":""}}`,
			`{"id":"ID","patch":{"sessionTarget":"isolated"}}`, `{"id":"ID","patch":{"schedule":{"kind":"cron","expr":"nonsense"}}}`, `{"id":"ID","patch":{"agentId":7.5e}}`, `{"id":"ID","patch":{"agentId":[]}}`,
		} {
			if out, err := b.call("cron.update", strings.ReplaceAll(c, "ID", id)); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("update %s: %s, %v; want invalid", c, out, err)
			}
		}
		if _, err := b.call("cron.update", `{"id":"x","patch":{}}`); wit.CodeOf(err) != wit.CodeNotFound {
			b.Errorf("update of a missing job: %v", err)
		}
	})
}

func TestServiceNamesItself(t *testing.T) {
	sched := schedule.New(schedule.Deps{Store: store.OpenMemory(), Claims: new(claim.Local), Zone: time.UTC})
	part := cron.New(cron.Deps{Scheduler: sched, Bus: &event.Bus{}}).Service()
	if part.Name != "cron" || len(part.Methods) != 8 || len(part.Events) != 1 || part.Events[0].Name != "cron" || part.Run != nil {
		t.Errorf("%+v", part)
	}
}
