package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestJobsFire lives through a day with a whole kernel: a turn of the agent every six hours, a reminder
// at a time, and a plugin's own job.
func TestJobsFire(t *testing.T) { synctest.Test(t, jobsFire) }

func jobsFire(t *testing.T) {
	var asked []string
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		asked = append(asked, kerneltest.Heard(c))
		return kerneltest.Says("done: " + kerneltest.Heard(c)), nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(brain))
	l := k.Listen()
	add := func(job string) (id string) {
		t.Helper()
		var added struct{ ID string }
		l.MustCall("cron.add", json.RawMessage(job), &added)
		return added.ID
	}
	every := add(`{"name":"water","schedule":{"kind":"every","everyMs":21600000},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"water the plants"}}`)
	at := time.Now().Add(7 * time.Hour).UTC().Format(time.RFC3339)
	add(`{"name":"call","schedule":{"kind":"at","at":"` + at + `"},"sessionTarget":"main","wakeMode":"now","payload":{"kind":"systemEvent","text":"call mother"},"deleteAfterRun":true}`)
	if err := l.Call(t.Context(), "cron.add", json.RawMessage(`{"name":"bad","schedule":{"kind":"cron","expr":"every tuesday"},"sessionTarget":"isolated","wakeMode":"now","payload":{"kind":"agentTurn","message":"x"}}`), nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a bad expression: %v", err)
	}
	synctest.Wait()
	if len(asked) != 0 {
		t.Fatalf("too early: %q", asked)
	}
	_ = l.Close() // a client that stays is told every half a minute that the gateway lives
	time.Sleep(25 * time.Hour)
	synctest.Wait()
	water, mother := 0, 0
	for _, text := range asked {
		if strings.Contains(text, "water the plants") {
			water++
		}
		if strings.Contains(text, "call mother") {
			mother++
		}
	}
	if water != 4 || mother != 1 {
		t.Errorf("%d times water and %d times mother: %q", water, mother, asked)
	}
	l = k.Listen()
	var runs struct{ Entries []struct{ Status string } }
	l.MustCall("cron.runs", map[string]any{"id": every}, &runs)
	if len(runs.Entries) != 4 || runs.Entries[0].Status != "ok" {
		t.Errorf("history %+v", runs)
	}
	var list struct{ Jobs []struct{ ID string } }
	l.MustCall("cron.list", map[string]any{"includeDisabled": true}, &list)
	if len(list.Jobs) != 1 || list.Jobs[0].ID != every {
		t.Errorf("jobs left: %+v", list)
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	if b, err := json.Marshal(history.Messages); err != nil || !strings.Contains(string(b), "call mother") {
		t.Errorf("the main session knows nothing: %s %v", b, err)
	}
	l.MustCall("cron.remove", map[string]any{"id": every}, nil)
	k.Stop()
}

// TestAMissedJobRunsOnceAfterARestart: what was due while the gateway was down runs once when it is up.
func TestAMissedJobRunsOnceAfterARestart(t *testing.T) { synctest.Test(t, aMissedJob) }

func aMissedJob(t *testing.T) {
	disk := kerneltest.Store(storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{})
	first := kerneltest.Start(t, disk, kerneltest.Plugin(kerneltest.Echo("echo")))
	var added struct{ ID string }
	first.Listen().MustCall("cron.add", map[string]any{"name": "soon", "sessionTarget": "isolated", "wakeMode": "now",
		"schedule": map[string]any{"kind": "at", "at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
		"payload":  map[string]any{"kind": "agentTurn", "message": "wake up"}}, &added)
	first.Stop()
	time.Sleep(2 * time.Hour)
	for round := range 2 {
		k := kerneltest.Start(t, disk, kerneltest.Plugin(kerneltest.Echo("echo")))
		time.Sleep(time.Minute)
		var runs struct{ Entries []struct{ Status string } }
		k.Listen().MustCall("cron.runs", map[string]any{"id": added.ID}, &runs)
		if len(runs.Entries) != 1 || runs.Entries[0].Status != "ok" {
			t.Errorf("start %d: %+v", round, runs)
		}
		k.Stop()
	}
}

// TestAJobWithNobodyToDeliverToRuns: its answer is kept, and the history says that it was not delivered. What a
// client asks for itself is refused instead.
func TestAJobWithNobodyToDeliverToRuns(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat")))
	l := k.Listen()
	for delivery, want := range map[string]string{
		`{"mode":"announce","channel":"last"}`:                   "error not-delivered",
		`{"mode":"announce","channel":"chat","to":"7"}`:          "error not-delivered",
		`{"mode":"announce","channel":"last","bestEffort":true}`: "ok not-delivered",
		`{"mode":"none"}`: "ok not-requested",
	} {
		var job struct{ ID string }
		l.MustCall("cron.add", json.RawMessage(`{"name":"report","schedule":{"kind":"every","everyMs":3600000},"payload":{"kind":"agentTurn","message":"report"},"delivery":`+delivery+`}`), &job)
		l.MustCall("cron.run", map[string]any{"id": job.ID}, nil)
		l.Event("cron", func(payload json.RawMessage) bool {
			return strings.Contains(string(payload), job.ID) && strings.Contains(string(payload), `"action":"finished"`)
		})
		var runs struct {
			Entries []struct{ Status, Summary, Error, DeliveryStatus, DeliveryError, SessionKey, RunID string }
		}
		l.MustCall("cron.runs", map[string]any{"id": job.ID}, &runs)
		if len(runs.Entries) != 1 {
			t.Fatalf("%s: %+v", delivery, runs)
		}
		e := runs.Entries[0]
		if got := e.Status + " " + e.DeliveryStatus; got != want || e.Summary != "you said: report" || e.RunID == "" || e.SessionKey != "agent:main:cron:"+strings.ToLower(job.ID) {
			t.Errorf("%s: %+v, want %s", delivery, e, want)
		}
		if (e.Error != "") != (e.Status == "error") || (e.DeliveryError != "") != (e.DeliveryStatus == "not-delivered") {
			t.Errorf("%s: reasons %+v", delivery, e)
		}
	}
	for _, channel := range []string{"chat", "last", "nosuch"} {
		err := l.Call(t.Context(), "agent", map[string]any{"message": "hi", "deliver": true, "channel": channel, "idempotencyKey": channel}, nil)
		if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeNotFound {
			t.Errorf("delivery on %s: %v", channel, err)
		}
	}
}

// ran runs a job now and waits for its end.
func ran(l *kerneltest.Listener, job string) {
	var added struct{ ID string }
	l.MustCall("cron.add", json.RawMessage(job), &added)
	l.MustCall("cron.run", map[string]any{"id": added.ID}, nil)
	l.Event("cron", func(payload json.RawMessage) bool {
		return strings.Contains(string(payload), added.ID) && strings.Contains(string(payload), `"action":"finished"`)
	})
}

// TestAJobHasNoToolsButThoseItNames: a model is shown the tools that its job allows, and the call of another one is
// not made.
func TestAJobHasNoToolsButThoseItNames(t *testing.T) {
	t.Parallel()
	called := make(chan string, 10)
	tool := func(name string) plugintest.Fake {
		return kerneltest.Tool(name, func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			called <- name
			return &wit.ToolOutput{}, nil
		})
	}
	shown := make(chan string, 10)
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says("done"), nil
		}
		var names []string
		for _, t := range c.Tools {
			names = append(names, t.Name)
		}
		shown <- strings.Join(names, " ")
		return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls), ToolCalls: []wit.ToolCall{
			{ID: "1", Name: "look", Args: wit.JSON(`{}`)}, {ID: "2", Name: "send", Args: wit.JSON(`{}`)}}}, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(brain, tool("look"), tool("send")))
	l := k.Listen()
	for allow, want := range map[string][2]string{
		``:                       {"look send", "look send"},
		`,"toolsAllow":["look"]`: {"look", "look"},
		`,"toolsAllow":[]`:       {"", ""},
		`,"toolsAllow":["*"]`:    {"look send", "look send"},
	} {
		ran(l, `{"name":"n","schedule":{"kind":"every","everyMs":3600000},"payload":{"kind":"agentTurn","message":"go"`+allow+`},"delivery":{"mode":"none"}}`)
		var made []string
		for len(called) > 0 {
			made = append(made, <-called)
		}
		if got := [2]string{<-shown, strings.Join(made, " ")}; got != want {
			t.Errorf("%s: shown and made %q, want %q", allow, got, want)
		}
	}
}

// TestAFailingJobIsTold goes to where the job says, and to the main session where there is nobody.
func TestAFailingJobIsTold(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if strings.Contains(kerneltest.Heard(c), "go") {
			return nil, wit.NewError(wit.CodeInvalid, "no such model")
		}
		return kerneltest.Says("I see"), nil
	})
	k := kerneltest.Start(t, account(t, p, ""), kerneltest.Plugin(brain, kerneltest.Channel("chat")))
	l := k.Listen()
	setToken(l)
	ran(l, `{"name":"report","schedule":{"kind":"every","everyMs":3600000},"payload":{"kind":"agentTurn","message":"go"},"delivery":{"mode":"none"},"failureAlert":{"after":1,"channel":"chat","to":"ann"}}`)
	const text = `Cron job "report" failed: no such model`
	p.Answered(text)
	ran(l, `{"name":"report","schedule":{"kind":"every","everyMs":3600000},"payload":{"kind":"agentTurn","message":"go"},"delivery":{"mode":"none"},"failureAlert":{"after":1},"wakeMode":"next-heartbeat"}`)
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	if b, err := json.Marshal(history.Messages); err != nil || strings.Count(string(b), `Cron job \"report\" failed`) != 1 {
		t.Errorf("the main session hears %s %v", b, err)
	}
}

// TestAnAnswerNeedsNoAccount: where a channel is named and no account, the channel's first one delivers.
func TestAnAnswerNeedsNoAccount(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	k := kerneltest.Start(t, account(t, p, ""), kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat")))
	l := k.Listen()
	setToken(l)
	ran(l, `{"name":"n","schedule":{"kind":"every","everyMs":3600000},"payload":{"kind":"agentTurn","message":"a job"},"delivery":{"mode":"announce","channel":"chat","to":"ann"}}`)
	l.MustCall("agent", map[string]any{"message": "a client", "deliver": true, "channel": "chat", "to": "bob", "idempotencyKey": "r1"}, nil)
	p.Until("both were answered", func(posts []kerneltest.Post) bool { return len(posts) == 2 })
	for _, post := range p.Posts() {
		if want := map[string]string{"ann": "you said: a job", "bob": "you said: a client"}[post.To]; post.Text != want {
			t.Errorf("%+v, want %q", post, want)
		}
	}
}

// TestADeliveryThatCannotBeMadeIsRefused, whichever of the fields names it, and nothing is run; unless the client says
// that it does not matter.
func TestADeliveryThatCannotBeMadeIsRefused(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	k := kerneltest.Start(t, account(t, p, ""), kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat"), kerneltest.Channel("bare")))
	l := k.Listen()
	setToken(l)
	for i, c := range []struct {
		method, fields string
		want           wit.Code
	}{
		{"chat.send", `"sessionKey":"main","deliver":true,"originatingChannel":"nosuch","originatingTo":"7"`, wit.CodeInvalid},
		{"chat.send", `"sessionKey":"main","deliver":true,"originatingChannel":"bare","originatingTo":"7"`, wit.CodeInvalid},
		{"agent", `"deliver":true,"channel":"bare","to":"7"`, wit.CodeInvalid},
		{"agent", `"deliver":true,"channel":"chat","to":"7","accountId":"nosuch"`, wit.CodeInvalid},
		{"agent", `"deliver":true,"channel":"chat","to":"7","replyAccountId":"nosuch"`, wit.CodeInvalid},
		{"agent", `"deliver":true,"replyChannel":"nosuch","replyTo":"7"`, wit.CodeInvalid},
		{"agent", `"deliver":true,"to":"7"`, wit.CodeNotFound},
		{"agent", `"deliver":true`, wit.CodeNotFound},
		{"agent", `"deliver":true,"channel":"last"`, wit.CodeNotFound},
		{"send", `"channel":"bare","to":"7"`, wit.CodeInvalid},
		{"send", `"channel":"nosuch","to":"7"`, wit.CodeInvalid},
		{"send", `"channel":"chat","to":"7","accountId":"nosuch"`, wit.CodeInvalid},
	} {
		params := fmt.Sprintf(`{"message":"hi","idempotencyKey":"k%d",%s}`, i, c.fields)
		if err := l.Call(t.Context(), c.method, json.RawMessage(params), nil); wit.CodeOf(err) != c.want {
			t.Errorf("%s %s: %v, want %s", c.method, params, err, c.want)
		}
	}
	var list struct{ Sessions []any }
	if l.MustCall("sessions.list", nil, &list); len(list.Sessions) != 0 || len(p.Posts()) != 0 {
		t.Errorf("what was refused was done: %v, %v", list, p.Posts())
	}
	l.MustCall("agent", json.RawMessage(`{"message":"hi","deliver":true,"channel":"last","bestEffortDeliver":true,"idempotencyKey":"k"}`), nil)
}

// TestARunningJobIsStopped: what a job does is a task that can be stopped, which its history says; the job goes on at its
// next time.
func TestARunningJobIsStopped(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 2)
	var answers atomic.Bool
	slow := kerneltest.Provider("slow", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if answers.Load() {
			return kerneltest.Says("done"), nil
		}
		asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	l := kerneltest.Start(t, kerneltest.Plugin(slow)).Listen()
	var job struct{ ID string }
	l.MustCall("cron.add", json.RawMessage(`{"name":"report","schedule":{"kind":"every","everyMs":3600000},"sessionTarget":"isolated",
		"payload":{"kind":"agentTurn","message":"report","fallbacks":["slow/other"]},"delivery":{"mode":"none"}}`), &job)
	ended := func() (last struct{ Status, Error, RunID string }) {
		l.MustCall("cron.run", map[string]any{"id": job.ID}, nil)
		if !answers.Load() {
			<-asked
			var running struct {
				Tasks []struct{ ID, Kind, Status, SessionKey string }
			}
			l.MustCall("tasks.list", map[string]any{"status": "running"}, &running)
			if len(running.Tasks) != 1 || running.Tasks[0].Kind != "cron" || running.Tasks[0].SessionKey != "agent:main:cron:"+strings.ToLower(job.ID) {
				t.Fatalf("%+v", running)
			}
			l.MustCall("tasks.cancel", map[string]any{"taskId": running.Tasks[0].ID, "reason": "not today"}, nil)
		}
		l.Event("cron", func(payload json.RawMessage) bool {
			return strings.Contains(string(payload), `"action":"finished"`) && strings.Contains(string(payload), `"status":"error"`) != answers.Load()
		})
		var runs struct {
			Entries []struct{ Status, Error, RunID string }
		}
		l.MustCall("cron.runs", map[string]any{"id": job.ID}, &runs)
		return runs.Entries[0]
	}
	if last := ended(); last.Status != "error" || !strings.Contains(last.Error, "not today") {
		t.Errorf("%+v", last)
	}
	answers.Store(true)
	if last := ended(); last.Status != "ok" || last.Error != "" {
		t.Errorf("after it was stopped: %+v", last)
	}
}

// TestAJobTellsAWebhook: the report of a turn reaches a program on this machine, and an address that knows nothing of it
// fails the run.
func TestAJobTellsAWebhook(t *testing.T) {
	t.Parallel()
	told := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/done" {
			http.NotFound(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		told <- r.Method + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("Idempotency-Key") + " " + string(body)
	}))
	t.Cleanup(server.Close)
	l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	for path, want := range map[string]string{"/done": "ok delivered", "/elsewhere": "error not-delivered"} {
		var job struct{ ID string }
		l.MustCall("cron.add", json.RawMessage(`{"name":"report","schedule":{"kind":"every","everyMs":3600000},"payload":{"kind":"agentTurn","message":"report"},
			"delivery":{"mode":"webhook","to":"`+server.URL+path+`"}}`), &job)
		l.MustCall("cron.run", map[string]any{"id": job.ID}, nil)
		l.Event("cron", func(payload json.RawMessage) bool {
			return strings.Contains(string(payload), job.ID) && strings.Contains(string(payload), `"action":"finished"`)
		})
		var runs struct {
			Entries []struct{ Status, DeliveryStatus, Error, RunID string }
		}
		l.MustCall("cron.runs", map[string]any{"id": job.ID}, &runs)
		last := runs.Entries[0]
		if got := last.Status + " " + last.DeliveryStatus; got != want {
			t.Errorf("%s: %+v, want %s", path, last, want)
		}
		if path == "/done" {
			if got := <-told; !strings.HasPrefix(got, "POST application/json "+last.RunID+" {") || !strings.Contains(got, `"summary":"you said: report"`) {
				t.Errorf("the webhook was told %s", got)
			}
		}
	}
}
