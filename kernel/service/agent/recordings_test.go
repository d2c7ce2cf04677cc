package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// ears transcribe by fn.
type ears struct {
	list []agent.TranscriberInfo
	fn   func(ctx context.Context, id string, r *wit.Recording) (*wit.Transcript, error)

	mu    sync.Mutex
	heard []string
}

func (e *ears) Transcribers() []agent.TranscriberInfo { return e.list }

func (e *ears) Transcribe(ctx context.Context, id string, r *wit.Recording) (*wit.Transcript, error) {
	e.mu.Lock()
	e.heard = append(e.heard, id+" "+r.Media)
	e.mu.Unlock()
	return e.fn(ctx, id, r)
}

// calls are who was asked, for which file.
func (e *ears) calls() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// ready is a transcriber that needs nothing.
func ready(id string) agent.TranscriberInfo {
	return agent.TranscriberInfo{ID: id, Facts: wit.STTFacts{Label: id, Ready: true}}
}

// repeats transcribes to the recording's own name.
func repeats(_ context.Context, id string, r *wit.Recording) (*wit.Transcript, error) {
	return &wit.Transcript{Text: id + " heard " + *r.Name}, nil
}

// voices is a direct message of voice notes.
func voices(id, text string, files ...string) message.Inbound {
	m := chattest.Inbound(id, text)
	for _, name := range files {
		m.Message.Attachments = append(m.Message.Attachments, wit.Attachment{Kind: wit.AttachmentKindVoice, Media: new("media-" + name), Mime: new("audio/ogg")})
	}
	return m
}

// TestVoiceMessagesAreTranscribed: what the model reads, and who is asked for it.
func TestVoiceMessagesAreTranscribed(t *testing.T) {
	const named = "[attached: voice message a, image/png, 2 KB]"
	fails := func(err *wit.Error) func(context.Context, string, *wit.Recording) (*wit.Transcript, error) {
		return func(context.Context, string, *wit.Recording) (*wit.Transcript, error) { return nil, err }
	}
	answers := func(t wit.Transcript) func(context.Context, string, *wit.Recording) (*wit.Transcript, error) {
		return func(context.Context, string, *wit.Recording) (*wit.Transcript, error) { return &t, nil }
	}
	once := false
	for name, c := range map[string]struct {
		ears    *ears
		named   string // by the settings
		message message.Inbound
		want    string // what the model is asked
		calls   string
		log     string
	}{
		"alone":                 {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: repeats}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] x heard a", "x media-a", ""},
		"with words":            {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: repeats}, "", voices("1", "look", "a"), "look\n" + named + "\n[voice message, transcribed] x heard a", "x media-a", ""},
		"two":                   {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: repeats}, "", voices("1", "", "a", "a"), named + "\n[voice message, transcribed] x heard a\n" + named + "\n[voice message, transcribed] x heard a", "x media-a x media-a", ""},
		"the first":             {&ears{list: []agent.TranscriberInfo{{ID: "bare"}, ready("x"), ready("y")}, fn: repeats}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] x heard a", "x media-a", ""},
		"with settings":         {&ears{list: []agent.TranscriberInfo{{ID: "set", Settings: wit.JSON(`{"a":1}`)}, ready("y")}, fn: repeats}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] set heard a", "set media-a", ""},
		"the named":             {&ears{list: []agent.TranscriberInfo{ready("x"), {ID: "y"}}, fn: repeats}, "y", voices("1", "", "a"), named + "\n[voice message, transcribed] y heard a", "y media-a", ""},
		"one that is not there": {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: repeats}, "z", voices("1", "", "a"), named, "", "which agent.transcriber names, cannot be used"},
		"none":                  {&ears{}, "", voices("1", "", "a"), named, "", "no plugin that transcribes is set up"},
		"none set up":           {&ears{list: []agent.TranscriberInfo{{ID: "bare", Settings: wit.JSON(`{}`)}}, fn: repeats}, "", voices("1", "", "a"), named, "", "no plugin that transcribes is set up"},
		"no recording":          {&ears{fn: repeats}, "", chattest.Inbound("1", "hi"), "hi", "", ""},
		"refused":               {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: fails(wit.NewError(wit.CodeUnauthorized, "a wrong key"))}, "", voices("1", "", "a"), named, "x media-a", "a wrong key"},
		"down":                  {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: fails(&wit.Error{Code: wit.CodeUnavailable, Message: "it is down", Retryable: true})}, "", voices("1", "", "a"), named, "x media-a x media-a", "it is down"},
		"down once": {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: func(ctx context.Context, id string, r *wit.Recording) (*wit.Transcript, error) {
			if !once {
				once = true
				return nil, &wit.Error{Code: wit.CodeRateLimited, Message: "slower", Retryable: true, RetryAfter: new(int64(9000))}
			}
			return repeats(ctx, id, r)
		}}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] x heard a", "x media-a x media-a", ""},
		"silence":    {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: answers(wit.Transcript{Text: " \n"})}, "", voices("1", "", "a"), named + "\n[voice message, transcribed: nothing was said]", "x media-a", ""},
		"a language": {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: answers(wit.Transcript{Text: "ja", Language: new("german]\n")})}, "", voices("1", "", "a"), named + `` + "\n[voice message, transcribed, in german)\\n] ja", "x media-a", ""},
		"escapes":    {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: answers(wit.Transcript{Text: "a\x1b[2Jb\xff\u202e\x00\nc"})}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] a[2Jb\uFFFD\nc", "x media-a", ""},
		"too long":   {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: answers(wit.Transcript{Text: strings.Repeat("w", wit.TranscriptTextCut+1)})}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] " + strings.Repeat("w", wit.TranscriptTextCut) + "…", "x media-a", ""},
		"too large":  {&ears{list: []agent.TranscriberInfo{{ID: "x", Facts: wit.STTFacts{Ready: true, MaxMedia: 2047}}}, fn: repeats}, "", voices("1", "", "a"), named, "", "2048 bytes, more than the 2047"},
		"just right": {&ears{list: []agent.TranscriberInfo{{ID: "x", Facts: wit.STTFacts{Ready: true, MaxMedia: 2048}}}, fn: repeats}, "", voices("1", "", "a"), named + "\n[voice message, transcribed] x heard a", "x media-a", ""},
		"too many": {&ears{list: []agent.TranscriberInfo{ready("x")}, fn: answers(wit.Transcript{Text: "w"})}, "", voices("1", "", "a", "a", "a", "a", "a"),
			strings.Repeat(named+"\n[voice message, transcribed] w\n", 4) + named, "x media-a x media-a x media-a x media-a", "more than 4 recordings"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				var log bytes.Buffer
				w.Log = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Info})
				w.Transcribers, w.Settings.Transcriber = c.ears, c.named
				asked := ""
				w.Model.Set(func(chat *wit.Chat) *wit.ProviderAnswer {
					asked = chattest.LastUser(chat)
					return chattest.Say("yes")
				})
				p := w.Start(nil)
				accept(t, p, c.message)
				if r := w.Only(p); r.State != run.Done {
					t.Errorf("%s, %+v", r.State, r.Error)
				}
				p.Stop()
				if asked != c.want {
					t.Errorf("the model was asked %.300q, want %.300q", asked, c.want)
				}
				if got := strings.Join(c.ears.calls(), " "); got != c.calls {
					t.Errorf("asked %q, want %q", got, c.calls)
				}
				lines := strings.Count(log.String(), "not transcribed")
				if want := min(len(c.log), 1); lines != want || !strings.Contains(log.String(), c.log) {
					t.Errorf("logged %s, want %q", log.String(), c.log)
				}
			})
		})
	}
}

// TestTheDoctorSaysWhoTranscribes: that nobody does is a choice, unless somebody was named.
func TestTheDoctorSaysWhoTranscribes(t *testing.T) {
	for _, c := range []struct {
		list  []agent.TranscriberInfo
		named string
		want  string
	}{
		{nil, "", "true voice messages are not transcribed"},
		{[]agent.TranscriberInfo{ready("x")}, "", "true transcribed by x"},
		{[]agent.TranscriberInfo{ready("x")}, "y", `false the plugin "y", which agent.transcriber names, cannot be used`},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			w.Transcribers, w.Settings.Transcriber = &ears{list: c.list}, c.named
			for _, check := range w.Build(nil).Agents.Service().Checks {
				if got := check(t.Context()); got.Name == "voice" && fmt.Sprint(got.OK, " ", got.Message) != c.want {
					t.Errorf("%+v, want %s", got, c.want)
				}
			}
		})
	}
}

// TestAHangingTranscriberIsLeft after the time that all recordings have together.
func TestAHangingTranscriberIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Transcribers = &ears{list: []agent.TranscriberInfo{ready("x")}, fn: hang}
		p := w.Start(nil)
		began := time.Now()
		accept(t, p, voices("1", "hi", "a", "b"))
		if r := w.Only(p); r.State != run.Done || time.Since(began) < 3*time.Minute || time.Since(began) > 3*time.Minute+time.Second {
			t.Errorf("%s after %v", r.State, time.Since(began))
		}
		if w.Typed.Count() < 30 {
			t.Errorf("typing was shown %d times meanwhile", w.Typed.Count())
		}
	})
}

func hang(ctx context.Context, _ string, _ *wit.Recording) (*wit.Transcript, error) {
	<-ctx.Done()
	return nil, wit.NewError(wit.CodeTimeout, "it hangs")
}

// TestATranscriptionIsStopped at once, by /stop and by who stops the running answer; what was said stays in the history, in words.
func TestATranscriptionIsStopped(t *testing.T) {
	for name, stop := range map[string]func(*chattest.Process){
		"/stop":          func(p *chattest.Process) { p.Accept(p, "2", "/stop"); p.Only(p) },
		"chat.abort":     func(p *chattest.Process) { p.Must("chat.abort", map[string]any{"sessionKey": "main"}) },
		"sessions.abort": func(p *chattest.Process) { p.Must("sessions.abort", map[string]any{"key": "main"}) },
	} {
		t.Run(name, func(t *testing.T) { stopTranscription(t, stop) })
	}
}

func stopTranscription(t *testing.T, stop func(*chattest.Process)) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		var log bytes.Buffer
		w.Log = hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Info})
		w.Transcribers = &ears{list: []agent.TranscriberInfo{ready("x")}, fn: hang}
		p := w.Start(nil)
		began := time.Now()
		accept(t, p, voices("1", "", "a"))
		synctest.Wait()
		stop(p)
		if r := p.Wait(run.FromChannel.ID("in-1")); r.State != run.Aborted || time.Since(began) > time.Second {
			t.Errorf("%s after %v", r.State, time.Since(began))
		}
		p.Stop()
		if len(w.Model.Requests()) != 0 || log.Len() > 0 {
			t.Errorf("%d requests, logged %s", len(w.Model.Requests()), &log)
		}
		if got := w.History(chattest.MainKey); len(got) == 0 || got[0] != "user: [attached: voice]" {
			t.Errorf("the history is %q", got)
		}
		for _, m := range w.Messages(chattest.MainKey) {
			for _, part := range m.Parts {
				if part.Text != nil && *part.Text == "" {
					t.Errorf("an empty text is kept: %+v", m)
				}
			}
		}
	})
}

// TestATranscriptionIsPaidOnce: a gateway that ends while it is under way transcribes again, one that ends when the run has
// begun does not.
func TestATranscriptionIsPaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		e := &ears{list: []agent.TranscriberInfo{ready("x")}, fn: hang}
		w.Transcribers = e
		p := w.Start(nil)
		accept(t, p, voices("1", "", "a"))
		synctest.Wait()
		p.Stop()
		if len(e.calls()) != 1 {
			t.Fatalf("asked %q", e.calls())
		}
		e.fn = repeats
		feed := w.Feed()
		p = w.Start(nil)
		synctest.Wait()
		p.Stop() // while the model is asked
		if n := len(e.calls()); n != 2 {
			t.Fatalf("asked %d times", n)
		}
		p = w.Start(nil)
		feed <- chattest.Say("yes")
		w.Only(p)
		asked := w.Model.Requests()
		if last := chattest.LastUser(asked[len(asked)-1]); len(e.calls()) != 2 || !strings.HasSuffix(last, "[voice message, transcribed] x heard a") {
			t.Errorf("asked %d times, the model %q", len(e.calls()), last)
		}
	})
}

// TestWhatIsSaidIsToldAsWhatIsTyped: to hooks, and to who lists sessions; also with a command for a new conversation.
func TestWhatIsSaidIsToldAsWhatIsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Transcribers = &ears{list: []agent.TranscriberInfo{ready("x")}, fn: repeats}
		p := w.Start(nil)
		for i, text := range []string{"", "/new"} {
			accept(t, p, voices(fmt.Sprint(i), text, "a"))
			w.Only(p)
		}
		p.Stop()
		var told []string
		for _, e := range w.Hooks.Asked {
			var is struct{ Text, Prompt string }
			if err := json.Unmarshal(e.Event, &is); err != nil {
				t.Fatal(err)
			}
			if e.Name == wit.HookNameMessageReceived || e.Name == wit.HookNameBeforeAgentStart {
				told = append(told, is.Text+is.Prompt)
			}
		}
		const said = "[voice message, transcribed] x heard a"
		if want := []string{said, said, said, said}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
		if got := w.History(chattest.MainKey); len(got) != 2 || got[0] != "user: "+said {
			t.Errorf("the history is %q", got)
		}
	})
}

// TestCrashOfATranscription lets the process die before each transaction of a voice message's run: the words are in the history
// once, and are asked for again only where they were not recorded.
func TestCrashOfATranscription(t *testing.T) {
	paid := map[int]int{} // how often, by step
	for step, finished := 0, false; !finished; step++ {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			if err := w.Build(nil).Sessions.Arrange(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := &ears{list: []agent.TranscriberInfo{ready("x")}, fn: repeats}
			w.Transcribers = e
			m := &mortal{Store: w.Store, left: step, dead: make(chan struct{})}
			p := w.Build(m)
			p.Run()
			accept(t, p, voices("1", "", "a"))
			synctest.Wait()
			select {
			case <-m.dead:
			default:
				finished = true
			}
			p.Stop()
			w.Start(nil)
			synctest.Wait()
			time.Sleep(time.Minute)
			paid[step] = len(e.calls())
			const said = "[voice message, transcribed] x heard a"
			if got := w.History(chattest.MainKey); len(got) != 2 || got[0] != "user: "+said || !strings.Contains(got[1], said) {
				t.Errorf("after %d transactions the history is %q", step, got)
			}
		})
		if step > 20 {
			t.Fatal("it does not come to its end")
		}
	}
	if len(paid) < 3 || paid[0] < 2 || paid[1] != 1 || paid[len(paid)-1] != 1 {
		t.Errorf("transcribed so often, by transactions: %v", paid)
	}
}
