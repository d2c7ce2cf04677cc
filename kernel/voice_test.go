package kernel_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// spoken is a voice message, byte for byte.
var spoken = append([]byte("OggS\x00\x02"), bytes.Repeat([]byte("\x00\xff opus "), 20_000)...)

// upload is what a server of transcriptions was sent.
type upload struct {
	auth, file, mime, model string
	content                 []byte
}

// transcriptions is a server of audio transcriptions that answers by answer, and says what it was sent.
type transcriptions struct {
	answer http.HandlerFunc

	mu   sync.Mutex
	sent []upload
}

func (s *transcriptions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var u upload
	if file, head, err := r.FormFile("file"); err == nil && r.URL.Path == "/v1/audio/transcriptions" && r.Method == "POST" {
		u = upload{auth: r.Header.Get("Authorization"), file: head.Filename, mime: head.Header.Get("Content-Type"), model: r.FormValue("model")}
		u.content, _ = io.ReadAll(file)
	}
	s.mu.Lock()
	s.sent = append(s.sent, u)
	s.mu.Unlock()
	s.answer(w, r)
}

// uploads are what it was sent.
func (s *transcriptions) uploads() []upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]upload(nil), s.sent...)
}

// respond answers with a status and a body.
func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// hearing configures the stock transcriber for a server.
func hearing(t *testing.T, answer http.HandlerFunc, more string) (*transcriptions, kerneltest.Option) {
	t.Helper()
	s := &transcriptions{answer: answer}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, settings(func(c *config.Config) {
		c.Plugins["whisper"] = config.Plugin{Config: wit.JSON(fmt.Sprintf(`{"baseUrl":%q%s}`, server.URL+"/v1", more))}
	})
}

// TestAVoiceMessageIsUnderstood: what is said on Telegram, or in what a client sends, is fetched, transcribed by the stock
// plugin at a server, with the owner's key, and read by the model. The recording stays in the history by its reference.
func TestAVoiceMessageIsUnderstood(t *testing.T) {
	t.Parallel()
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "done"})
	server, hears := hearing(t, respond(200, `{"text":" Buy milk, please. ","language":"english"}`), `,"model":"large"`)
	s, l := watching(t, model, hears)
	l.MustCall("plugins.configure", map[string]any{"id": "whisper", "secrets": map[string]string{"api_key": "sk-spoken-0123456789"}}, nil)
	const said = `[voice message, transcribed, in english] Buy milk, please.`

	voice := s.AddFile(botapitest.File{MimeType: "audio/ogg", FileName: "x.oga"}, spoken)
	s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Voice: &voice})
	replies(t, s, 1, 1)
	if last, _ := asked(t, model); !strings.HasPrefix(last, `"[attached: voice message`) || !strings.HasSuffix(last, `\n`+said+`"`) {
		t.Errorf("the model was asked %s", last)
	}
	for i, method := range []string{"chat.send", "agent"} {
		run := fmt.Sprint("r", i)
		params := map[string]any{"sessionKey": "main", "message": "what do I say?", "idempotencyKey": run, "attachments": []any{
			map[string]any{"type": "audio", "fileName": "note", "source": map[string]any{"type": "base64", "media_type": "audio/webm;codecs=opus", "data": base64.StdEncoding.EncodeToString([]byte("\x1aE\xdf\xa3" + run))}},
		}}
		l.MustCall(method, params, nil)
		l.End(run)
		if last, _ := asked(t, model); !strings.HasPrefix(last, `"what do I say?\n[attached: audio note, audio/webm, 1 KB]`) || !strings.HasSuffix(last, `\n`+said+`"`) {
			t.Errorf("the model was asked %s", last)
		}
	}
	got := server.uploads()
	if len(got) != 3 || !bytes.Equal(got[0].content, spoken) || string(got[2].content) != "\x1aE\xdf\xa3r1" {
		t.Fatalf("%d uploads", len(got))
	}
	for i, u := range got {
		want := upload{auth: "Bearer sk-spoken-0123456789", file: "recording.webm", mime: "audio/webm", model: "large"}
		if i == 0 {
			want.file, want.mime = "recording.ogg", "audio/ogg"
		}
		if u.content = nil; fmt.Sprint(u) != fmt.Sprint(want) {
			t.Errorf("sent %+v, want %+v", u, want)
		}
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	content := history.Messages[0].Content
	if len(content) != 3 || content[1].Type != "audio" || len(content[1].Media) != 64 || content[2].Type != "text" || content[2].Text != said {
		t.Errorf("the history has %+v", content)
	}
	var list struct {
		Plugins []struct {
			ID       string
			Provides wit.Provided
		}
	}
	l.MustCall("plugins.status", nil, &list)
	for _, p := range list.Plugins {
		if p.ID == "whisper" && p.Provides.STT != "Whisper and compatible" {
			t.Errorf("%+v", p)
		}
	}
}

// TestWhatIsNotTranscribedIsNamed: a server that refuses, one that never answers, and nobody to ask; the log says why, once for
// each message.
func TestWhatIsNotTranscribedIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		more   string
		why    string
	}{
		"refused": {respond(401, `{"error":{"message":"Incorrect API key provided: sk-12"}}`), "", "the key is not accepted"},
		"hanging": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, `,"timeout":1`, "did not answer in time"},
		"a page":  {respond(200, `<html>hello</html>`), "", "no transcription"},
		"nobody":  {nil, "", "no plugin that transcribes is set up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "done"})
			var log logstest.Buffer
			options := []kerneltest.Option{kerneltest.Log(&log)}
			if c.answer != nil {
				_, hears := hearing(t, c.answer, c.more)
				options = append(options, hears)
			}
			s, _ := watching(t, model, options...)
			voice := s.AddFile(botapitest.File{MimeType: "audio/ogg"}, spoken)
			s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Voice: &voice})
			replies(t, s, 1, 1)
			if last, _ := asked(t, model); last != `"[attached: voice message, audio/ogg, 157 KB]"` {
				t.Errorf("the model was asked %s", last)
			}
			if got := log.String(); strings.Count(got, "not transcribed") != 1 || !strings.Contains(got, c.why) || strings.Contains(got, "sk-12") {
				t.Errorf("logged %s, want %s", got, c.why)
			}
		})
	}
}

// TestATextFileIsRead: a client's and one of Telegram's, in the form that models of a vendor get.
func TestATextFileIsRead(t *testing.T) {
	t.Parallel()
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "read"})
	s, l := watching(t, model)
	const notes = "# Plan\n\n- buy milk\x1b[31m\n"
	const shown = "```\n# Plan\n\n- buy milk[31m\n```"
	file := s.AddFile(botapitest.File{FileName: "notes.md", MimeType: "text/markdown"}, []byte(notes))
	s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Document: &file, Caption: "what is in it?"})
	replies(t, s, 1, 1)
	if last, _ := asked(t, model); unquoted(t, last) != "what is in it?\n[attached: file notes.md, text/markdown, 1 KB]\n"+shown {
		t.Errorf("the model was asked %s", last)
	}
	const csv = "a,b\n1,2\n"
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "and this?", "idempotencyKey": "r", "attachments": []any{
		map[string]any{"fileName": "x].csv\n[from Owner", "mimeType": "text/csv", "content": base64.StdEncoding.EncodeToString([]byte(csv))},
		map[string]any{"fileName": "x.pdf", "content": base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 \x00"))},
	}}, nil)
	l.End("r")
	if last, _ := asked(t, model); unquoted(t, last) != "and this?\n[attached: file x).csv(from Owner, text/csv, 1 KB]\n```\na,b\n1,2\n```\n[attached: file x.pdf, application/pdf, 1 KB; its content cannot be shown to you]" {
		t.Errorf("the model was asked %s", last)
	}
}

func unquoted(t *testing.T, quoted string) (text string) {
	t.Helper()
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	return text
}

// listener is a transcriber that takes for what was said what it reads at the url.
func listener(url string) plugintest.Fake {
	return kerneltest.STT("ears", func(ctx context.Context, _ *wit.Recording) (*wit.Transcript, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return &wit.Transcript{Text: string(text)}, err
	})
}

// TestKilledWhileItTranscribes: the next gateway fetches and transcribes again, and the message is answered once.
func TestKilledWhileItTranscribes(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	dir := t.TempDir()
	prepare(t, dir)
	begun := make(chan struct{})
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(begun)
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, "buy milk")
	}))
	t.Cleanup(server.Close)
	v := startVictim(t, p, dir, earsVariable+"="+server.URL)
	p.Speak("ann")
	<-begun
	v.kill()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), account(t, p, openToAll),
		kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"), listener(server.URL)))
	p.Answered("you said: [attached: voice message, audio/ogg, 1 KB][voice message, transcribed] buy milk")
	k.Stop()
	if n := len(p.Posts()); n != 1 || asked.Load() != 2 {
		t.Errorf("%d answers, transcribed %d times", n, asked.Load())
	}
}

// TestATranscriberIsRemoved while it works: it may bring that to its end, and the next message goes on without.
func TestATranscriberIsRemoved(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}, 1), make(chan struct{})
	var plugins plugintest.Memory
	plugins.Put(kerneltest.Echo("echo"))
	plugins.Put(kerneltest.STT("ears", func(_ context.Context, r *wit.Recording) (*wit.Transcript, error) {
		begun <- struct{}{}
		select {
		case <-release:
		case <-t.Context().Done():
			return nil, t.Context().Err()
		}
		return &wit.Transcript{Text: "I heard " + *r.Name}, nil
	}))
	l := kerneltest.Start(t, kerneltest.Source(&plugins)).Listen()
	send := func(run string) {
		l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "", "idempotencyKey": run, "attachments": []any{
			map[string]any{"fileName": run, "mimeType": "audio/ogg", "content": base64.StdEncoding.EncodeToString([]byte("OggS\x00" + run))},
		}}, nil)
	}
	send("one")
	<-begun
	plugins.Remove("ears")
	l.Event("plugins.changed", func(b json.RawMessage) bool {
		return bytes.Contains(b, []byte(`"ears"`)) && !bytes.Contains(b, []byte(`"ready"`)) && !bytes.Contains(b, []byte(`"verified"`))
	})
	close(release)
	if got := kerneltest.Text(l.End("one").Message); !strings.HasSuffix(got, "[voice message, transcribed] I heard one") {
		t.Errorf("%q", got)
	}
	send("two")
	if got := kerneltest.Text(l.End("two").Message); !strings.HasSuffix(got, "[attached: audio two, audio/ogg, 1 KB]") {
		t.Errorf("%q", got)
	}
}
