package run_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// chatted makes a session that was last spoken to from a channel.
func chatted(t *testing.T, s store.Store, k session.Key) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		from := message.Origin{Channel: "chat", Account: "bot", Conversation: &wit.Conversation{ID: "42"}, MessageID: "m7"}
		_, err := session.Ensure(tx, k, from)
		return err
	})
}

// said returns the texts of a session's history.
func said(t *testing.T, s store.Store, k session.Key) (texts []string) {
	t.Helper()
	for _, m := range sessiontest.Messages(t, s, k) {
		texts = append(texts, m.Text())
	}
	return texts
}

func place(o *message.Origin) string {
	if o == nil {
		return "nowhere"
	}
	thread := ""
	if o.Conversation.Thread != nil {
		thread = "#" + *o.Conversation.Thread
	}
	return fmt.Sprint(o.Channel, "/", o.Account, "/", o.Conversation.ID, thread)
}

// answer ends a run as its text says.
func answer(_ context.Context, a *run.Active) error {
	state := run.Done
	if a.Run.Text == "fail" {
		state = run.Failed
	}
	err := a.Update(func(tx store.Tx) error {
		_, err := run.Finish(tx, a.Run.ID, state, func(r *run.Run) {
			r.Answer = "answer to " + r.Text
			if state == run.Failed {
				r.Error = wit.NewError(wit.CodeRateLimited, "come back tomorrow")
			}
		})
		return err
	})
	if err == nil {
		a.Ended()
	}
	return err
}

// executed is an executor whose whole work is a function.
type executed func(context.Context, *run.Active) error

func (e executed) Execute(ctx context.Context, a *run.Active) error {
	if err := begin(a); err != nil {
		return err
	}
	return e(ctx, a)
}

func (e executed) Begin(tx store.Tx, r run.Run) (run.Beginning, error) {
	_, err := run.Start(tx, r)
	return run.Beginning{}, err
}

func (e executed) Dropped(run.Run) {}

// served is a service over a store, which runs until the test ends, a bubble.
func served(t *testing.T, s store.Store, e run.Executor) *run.Service {
	t.Helper()
	svc := run.New(run.Deps{Store: storetest.Bounded(s, 20_000), Sessions: sessions(s), Executor: e, Claims: new(claim.Local), Accounts: onlyChat{}, Log: hclog.NewNullLogger()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = svc.Run(ctx) }()
	synctest.Wait() // what is submitted before it runs does not begin at once
	t.Cleanup(func() { cancel(); <-done })
	return svc
}

// onlyChat are accounts of which there are two.
type onlyChat struct{}

func (onlyChat) Account(channel, account string) (message.Account, error) {
	if channel != "chat" && channel != "other" {
		return message.Account{}, wit.Errorf(wit.CodeNotFound, "there is no channel %s", channel)
	}
	return message.Account{Channel: channel, ID: account}, nil
}

// TestJobs: what a job says becomes its run, and what becomes of the run is what the job hears. An answer that cannot
// be delivered is one all the same.
func TestJobs(t *testing.T) {
	long := strings.Repeat("x", run.MaxText)
	for name, c := range map[string]struct {
		job  run.Job
		want string // the answer or the error's code, where it is delivered, and why it is not
	}{
		"answered":            {run.Job{Message: "hi"}, "answer to hi, nowhere, "},
		"failed":              {run.Job{Message: "fail"}, "rate_limited, nowhere, "},
		"the longest message": {run.Job{Message: long}, "answer to " + long + ", nowhere, "},
		"a longer one":        {run.Job{Message: long + "x"}, "invalid, none, "},
		"no message":          {run.Job{Message: " \n"}, "invalid, none, "},
		"no session":          {run.Job{Message: "hi", Session: "agent:"}, "invalid, none, "},
		"to a conversation":   {run.Job{Message: "hi", Deliver: true, Channel: "other", To: "7", Account: "b", Thread: "t"}, "answer to hi, other/b/7#t, "},
		"not to be delivered": {run.Job{Message: "hi", Channel: "other", To: "7"}, "answer to hi, nowhere, "},
		"to the last one":     {run.Job{Message: "hi", Deliver: true}, "answer to hi, chat/bot/42, "},
		"to the last, named":  {run.Job{Message: "hi", Deliver: true, Channel: "chat"}, "answer to hi, chat/bot/42, "},
		"only a conversation": {run.Job{Message: "hi", Deliver: true, To: "7"}, "answer to hi, chat/bot/42, "},
		"only a channel":      {run.Job{Message: "hi", Deliver: true, Channel: "other"}, "answer to hi, nowhere, not_found"},
		"to nobody":           {run.Job{Message: "hi", Deliver: true, Agent: "ops"}, "answer to hi, nowhere, not_found"},
		"of no such agent":    {run.Job{Message: "hi", Agent: "nobody"}, "invalid, none, "},
		"in nobody's session": {run.Job{Message: "hi", Session: "agent:nobody:x"}, "invalid, none, "},
		"in another's":        {run.Job{Message: "hi", Agent: "ops", Session: "agent:main:x"}, "invalid, none, "},
		"to no such channel":  {run.Job{Message: "hi", Deliver: true, Channel: "none", To: "7"}, "answer to hi, nowhere, invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store.OpenMemory()
				chatted(t, s, key)
				svc := served(t, s, executed(answer))
				c.job.ID = "j1"
				if c.job.Session == "" {
					c.job.Session = "cron:backup"
				}
				began := time.Now()
				for range 2 { // the same job again is the same run
					out, err := svc.Do(t.Context(), c.job)
					got := out.Run.Answer
					if err != nil {
						got = string(wit.CodeOf(err))
					}
					at := "none"
					if r, err := svc.Find(t.Context(), "j1"); err == nil {
						at = place(r.Reply)
					}
					if got = fmt.Sprint(got, ", ", at, ", ", wit.CodeOf(out.Undelivered)); got != c.want {
						t.Errorf("got %.80s, want %.80s", got, c.want)
					}
				}
				if d := time.Since(began); d != 0 {
					t.Errorf("nothing had to be waited for, and it took %v", d)
				}
			})
		})
	}
}

// TestAnIdOfAnotherSessionsRun is refused at once: only a store that fails is asked again.
func TestAnIdOfAnotherSessionsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := served(t, store.OpenMemory(), executed(answer))
		if _, err := svc.Do(t.Context(), run.Job{ID: "j1", Session: "cron:a", Message: "hi"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err := svc.Do(t.Context(), run.Job{ID: "j1", Session: "cron:b", Message: "hi"})
		if d := time.Since(began); wit.CodeOf(err) != wit.CodeConflict || d != 0 {
			t.Errorf("after %v: %v", d, err)
		}
	})
}

// TestWhereAClientsAnswerGoes: to a channel that is there, if it is to go to one at all.
func TestWhereAClientsAnswerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := served(t, store.OpenMemory(), executed(answer))
		for id, c := range map[string]struct {
			to   session.Destination
			want wit.Code
		}{
			"there":     {session.Destination{Wanted: true, Channel: "chat", To: "7"}, ""},
			"nowhere":   {session.Destination{Wanted: true, Channel: "none", To: "7"}, wit.CodeInvalid},
			"no matter": {session.Destination{Channel: "none", To: "7"}, ""},
		} {
			_, err := svc.Submit(t.Context(), run.Request{Run: run.Run{ID: id, Session: key, Text: "hi"}, To: c.to})
			if wit.CodeOf(err) != c.want {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

// TestAJobsRunHasItsWords: agent, session, model, thinking and time go along.
func TestAJobsRunHasItsWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := served(t, store.OpenMemory(), executed(answer))
		job := run.Job{ID: "j1", Agent: "ops", Session: "cron:backup", Message: "hi", Model: "m/1", Thinking: "low", Timeout: 90 * time.Second}
		if _, err := svc.Do(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		r, err := svc.Find(t.Context(), "j1")
		got := fmt.Sprint(r.Session, " ", r.Text, " ", r.Model, " ", r.Thinking, " ", r.Timeout, " ", err)
		if want := "agent:ops:cron:backup hi m/1 low 90000 <nil>"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestAJobThatIsNotWaitedFor goes on.
func TestAJobThatIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		svc := served(t, s, executed(func(ctx context.Context, a *run.Active) error {
			time.Sleep(time.Minute)
			return answer(ctx, a)
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := svc.Do(ctx, run.Job{ID: "j1", Session: "x", Message: "hi"}); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("given up: %v", err)
		}
		if r, err := svc.Wait(t.Context(), "j1"); err != nil || r.State != run.Done {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestAStoreThatFailsForAWhile keeps no job and no system event from being done, and each is done once. One that
// does not come back is said after five minutes.
func TestAStoreThatFailsForAWhile(t *testing.T) {
	for name, do := range map[string]func(*run.Service) error{
		"job": func(svc *run.Service) error {
			_, err := svc.Do(context.Background(), run.Job{ID: "id", Session: "main", Message: "hi"})
			return err
		},
		"event": func(svc *run.Service) error {
			return svc.Tell(context.Background(), run.SystemEvent{ID: "id", Text: "hi", Now: true})
		},
	} {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
			t.Run(fmt.Sprint(name, " ", fault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := storetest.NewFaulty(store.OpenMemory())
					n := 0
					svc := served(t, s, executed(func(ctx context.Context, a *run.Active) error { n++; return answer(ctx, a) }))
					synctest.Wait()
					began := time.Now()
					s.Fail(fault, 1, 3)
					if err := do(svc); err != nil || time.Since(began) > time.Minute {
						t.Errorf("after %v: %v", time.Since(began), err)
					}
					if r, err := svc.Wait(t.Context(), "id"); err != nil || r.State != run.Done || n != 1 {
						t.Errorf("%+v, %v, executed %d times", r, err, n)
					}
				})
			})
		}
		t.Run(name+" never", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := storetest.NewFaulty(store.OpenMemory())
				svc := served(t, s, executed(answer))
				synctest.Wait()
				s.Fail(storetest.FaultBefore, 1, 1_000_000)
				began := time.Now()
				if err := do(svc); wit.CodeOf(err) != wit.CodeUnavailable || time.Since(began) != 5*time.Minute {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}

// TestSystemEvents are notes that the agent reads in its next run, or runs whose answer goes to where the session was
// last spoken to.
func TestSystemEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		chatted(t, s, "agent:ops:main")
		svc := run.New(run.Deps{Store: storetest.Bounded(s, 20_000), Sessions: sessions(s), Executor: executed(answer), Claims: new(claim.Local), Log: hclog.NewNullLogger()})
		tell := func(e run.SystemEvent) {
			t.Helper()
			if err := svc.Tell(t.Context(), e); err != nil {
				t.Errorf("%+v: %v", e, err)
			}
		}
		tell(run.SystemEvent{ID: "n1", Text: "the door opened"})
		tell(run.SystemEvent{ID: "n1", Text: "the door opened"}) // once
		tell(run.SystemEvent{Text: "it rains"})
		tell(run.SystemEvent{Text: "it rains"}) // without an id it is new each time
		tell(run.SystemEvent{Session: "agent:main:x", Text: strings.Repeat("x", run.MaxText)})
		if got := strings.Join(said(t, s, key), ", "); got != "[system event] the door opened, [system event] it rains, [system event] it rains" {
			t.Errorf("notes: %s", got)
		}
		if got := said(t, s, "agent:main:x"); len(got) != 1 {
			t.Errorf("%d notes in another session", len(got))
		}
		if r, err := svc.Find(t.Context(), "n1"); err != nil || r.State != run.Done {
			t.Errorf("a note: %+v, %v", r, err)
		}
		tell(run.SystemEvent{ID: "e1", Agent: "ops", Text: "wake up", Now: true})
		r, err := svc.Find(t.Context(), "e1")
		if err != nil || r.State != run.Queued || r.Session != "agent:ops:main" || r.Text != "[system event] wake up" || place(r.Reply) != "chat/bot/42" || r.Reply.MessageID != "" {
			t.Errorf("a run: %+v, %v", r, err)
		}
		for _, text := range []string{"", " \n", strings.Repeat("x", run.MaxText+1)} {
			if err := svc.Tell(t.Context(), run.SystemEvent{Text: text}); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%.10q: %v", text, err)
			}
		}
		if err := svc.Tell(t.Context(), run.SystemEvent{Text: "hi", Now: true}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("a run without an id: %v", err)
		}
	})
}

// TestChangesAreAnnounced: whoever looks at a session hears of what waits, begins and ends in it.
func TestChangesAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bus := store.OpenMemory(), &event.Bus{}
		var news []string
		session.Changes.Subscribe(bus, func(e session.ChangedEvent) { news = append(news, e.Reason+" "+string(e.SessionKey)) })
		owner := session.New(session.Deps{Store: s, Bus: bus, Queue: run.SessionQueue{}, Log: hclog.NewNullLogger(), Settings: func() session.Settings { return session.Settings{} }})
		svc := run.New(run.Deps{Store: storetest.Bounded(s, 20_000), Sessions: owner, Executor: executed(func(ctx context.Context, a *run.Active) error {
			a.Began()
			return answer(ctx, a)
		}), Claims: new(claim.Local), Log: hclog.NewNullLogger()})
		heard := func(want string) {
			t.Helper()
			if got := strings.Join(news, ", "); got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
			news = nil
		}
		submit(t, svc, key, "r1")
		submit(t, svc, key, "r1")
		heard("run agent:main:main")
		if _, err := svc.Stop(t.Context(), run.Selection{Session: key, Waiting: true}, "enough"); err != nil {
			t.Fatal(err)
		}
		heard("run agent:main:main")
		if _, err := svc.Stop(t.Context(), run.Selection{Session: key, Waiting: true}, "enough"); err != nil {
			t.Fatal(err)
		}
		heard("")
		if err := svc.Tell(t.Context(), run.SystemEvent{Text: "hi"}); err != nil {
			t.Fatal(err)
		}
		heard("message agent:main:main")
		submit(t, svc, "agent:main:x", "x1")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = svc.Run(ctx) }()
		synctest.Wait()
		cancel()
		<-done
		heard("run agent:main:x, run agent:main:x, run agent:main:x")
	})
}
