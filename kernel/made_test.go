package kernel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// painting is a picture of so many bytes.
func painting(size int) []byte {
	return append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("paint\x00"), size/6)...)
}

// painter chooses a model that may make pictures, at this server.
func painter(t *testing.T, server *openaitest.Server) kerneltest.Option {
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return settings(func(c *config.Config) {
		c.Agent.Model = "openai/gpt-5.1"
		c.Plugins = map[string]config.Plugin{"openai": {Config: wit.JSON(fmt.Sprintf(`{"baseUrl":%q,"api":"responses","pictures":true}`, web.URL+"/v1"))}}
	})
}

func setModelKey(l *kerneltest.Listener) {
	l.MustCall("plugins.configure", map[string]any{"id": "openai", "secrets": map[string]string{"api_key": openaitest.Key}}, nil)
}

// TestAPictureThatAModelMakesGoesOut, though it is longer than a chunk of the stream may be: as a picture to the chat, to clients in
// the event and in the history, and to the model with the next question.
func TestAPictureThatAModelMakesGoesOut(t *testing.T) {
	t.Parallel()
	picture := painting(6 << 20)
	sum := sha256.Sum256(picture)
	id := hex.EncodeToString(sum[:])
	model := openaitest.New(
		openaitest.Reply{Output: []openaitest.Output{{Picture: picture}, {Text: []string{"There ", "you are."}}}},
		openaitest.Reply{Output: []openaitest.Output{{Picture: painting(1000)}}},
		openaitest.Says("It is red."))
	s, account := telegram(t, botapitest.Config{}, "")
	l := stock(t, account, painter(t, model)).Listen()
	setModelKey(l)
	setBotToken(l, s)
	s.DM(person(1), "paint me a boat")
	replies(t, s, 1, 1)
	s.DM(person(1), "and now in blue")
	replies(t, s, 1, 2)
	s.DM(person(1), "what colour was the first?")
	replies(t, s, 1, 3)
	var got []string
	for _, m := range s.Sent() {
		if size := 0; m.Message.Chat.ID == 1 {
			if len(m.Message.Photo) > 0 {
				size = int(m.Message.Photo[0].FileSize)
			}
			got = append(got, fmt.Sprintf("%s: %s%s %d", m.Method, m.Message.Text, m.Message.Caption, size))
		}
	}
	want := fmt.Sprintf("sendPhoto: There you are. %d|sendPhoto:  %d|sendMessage: It is red. 0", len(picture), len(painting(1000)))
	if strings.Join(got, "|") != want {
		t.Errorf("sent %q\nwant %s", got, want)
	}

	// The model was shown both with what came next, and what it made is not among its own words.
	requests := model.Requests()
	for n, shown := range map[int]string{1: base64.StdEncoding.EncodeToString(picture), 2: base64.StdEncoding.EncodeToString(painting(1000))} {
		input := requests[n].Parsed.Input
		last := string(input[len(input)-1].Content)
		if !strings.Contains(last, `"data:image/png;base64,`+shown+`"`) || !strings.Contains(last, "what you have made above") {
			t.Errorf("request %d ends with %.300s", n, last)
		}
		if before := input[len(input)-2]; before.Role != "assistant" || bytes.Contains(before.Content, []byte("attached")) {
			t.Errorf("request %d has %+v", n, before)
		}
	}

	final := l.Event("chat", func(payload json.RawMessage) bool {
		var e chat.Event
		return json.Unmarshal(payload, &e) == nil && e.State == "final" && kerneltest.Text(e.Message) == "There you are."
	})
	var told chat.Event
	if err := json.Unmarshal(final.Payload, &told); err != nil {
		t.Fatal(err)
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": told.SessionKey}, &history)
	for what, m := range map[string]*chat.Message{"the event": told.Message, "the history": &history.Messages[1]} {
		if len(m.Content) != 2 || m.Content[1].Type != "image" || m.Content[1].Media != id || m.Content[1].MimeType != "image/png" || m.Content[1].URL == "" {
			t.Errorf("%s has %+v", what, m)
		}
	}
}

// TestAPictureOutlivesACrash between the answer and its delivery: the model is not asked again, and the chat gets it once.
func TestAPictureOutlivesACrash(t *testing.T) {
	t.Parallel()
	picture := painting(100_000)
	model := openaitest.New(openaitest.Reply{Output: []openaitest.Output{{Picture: picture}, {Text: []string{"There."}}}})
	var down atomic.Bool
	down.Store(true)
	tried := make(chan struct{})
	var once sync.Once
	s, account := telegram(t, botapitest.Config{Chaos: func(method string) *botapitest.Fault {
		if !strings.EqualFold(method, "sendPhoto") || !down.Load() {
			return nil
		}
		once.Do(func() { close(tried) })
		return &botapitest.Fault{Code: http.StatusBadGateway}
	}}, "")
	disk, dir, paints := storetest.NewFaulty(store.OpenMemory()), t.TempDir(), painter(t, model)
	begin := func() *kerneltest.Kernel {
		return stock(t, account, paints, kerneltest.StateDir(dir), kerneltest.Store(disk, nil))
	}
	k := begin()
	l := k.Listen()
	setModelKey(l)
	setBotToken(l, s)
	s.DM(person(1), "paint me a boat")
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	select {
	case <-tried:
	case <-ctx.Done():
		t.Fatalf("no picture was sent: %+v", s.Sent())
	}
	disk.Fail(storetest.FaultBefore, 1, 1<<40) // nothing that happens now is kept
	k.Stop()
	disk.Fail("", 0, 0)
	down.Store(false)
	begin()
	replies(t, s, 1, 1)
	s.DM(person(1), "/help") // what would be sent twice is sent before this
	got := replies(t, s, 1, 2)
	if len(got[0].Photo) == 0 || got[0].Photo[0].FileSize != int64(len(picture)) || got[0].Caption != "There." || len(got[1].Photo) > 0 {
		t.Errorf("the chat has %+v", got)
	}
	if n := len(model.Requests()); n != 1 {
		t.Errorf("the model was asked %d times", n)
	}
}

// TestWhoMayMakeFiles: a plugin with the permission media, and no other.
func TestWhoMayMakeFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		media *wit.Permission
		want  string
	}{{&wit.Permission{Reason: "To paint."}, "final here 2"}, {nil, "error plugin brain has files in its answer, and not the permission media: add it to its manifest"}} {
		brain := kerneltest.Provider("brain", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) {
			a := kerneltest.Says("here")
			a.Files = []wit.MadeFile{{Bytes: painting(1000)}}
			return a, nil
		})
		brain.Manifest.Permissions.Media = c.media
		l := kerneltest.Start(t, kerneltest.Plugin(brain)).Listen()
		l.Send("r1", "paint")
		end := l.End("r1")
		got := end.State + " " + end.ErrorMessage
		if end.Message != nil {
			got += fmt.Sprint(kerneltest.Text(end.Message), " ", len(end.Message.Content))
		}
		if got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestAPictureOfAToolIsSeen by the model that has called the tool, byte for byte, with the tool's own words.
func TestAPictureOfAToolIsSeen(t *testing.T) {
	t.Parallel()
	picture := painting(3000)
	sum := sha256.Sum256(picture)
	camera := plugintest.Fake{
		Manifest: wit.Manifest{ID: "camera", Name: "Camera", Version: "1.0.0", Description: "Looks.", ABI: 1, Entry: "plugin.wasm",
			Provides: wit.Provides{Tools: []wit.ToolDefinition{{Name: "look", Description: "Looks out.", Parameters: wit.JSON(`{"type":"object"}`)}}}},
		Exports: kerneltest.Exports{"tool_invoke": kerneltest.Export(func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			return &wit.ToolOutput{Content: []wit.Part{{Text: new("the garden")}, {Kind: wit.PartKindImage, Media: new(hex.EncodeToString(sum[:])), Mime: new("image/png")}}}, nil
		})},
	}
	model := openaitest.New(openaitest.Says("A boat."), openaitest.Reply{Output: []openaitest.Output{{CallID: "c1", Name: "look", Arguments: []string{"{}"}}}}, openaitest.Says("Roses."))
	l := stock(t, painter(t, model), kerneltest.Plugin(camera)).Listen()
	setModelKey(l)
	encoded := base64.StdEncoding.EncodeToString(picture)
	l.MustCall("chat.send", map[string]any{"sessionKey": "other", "message": "what is it?", "idempotencyKey": "kept", // so that the store has it
		"attachments": []any{map[string]any{"type": "image", "mimeType": "image/png", "fileName": "x.png", "content": encoded}}}, nil)
	l.End("kept")
	if got := l.Ask("r", "what do you see?"); got != "Roses." {
		t.Fatalf("it says %q", got)
	}
	requests := model.Requests()
	asked := string(requests[len(requests)-1].Body)
	result := strings.Index(asked, `"function_call_output"`)
	if result < 0 || !strings.Contains(asked[result:], "the garden") || !strings.Contains(asked[result:], "data:image/png;base64,"+encoded) {
		t.Errorf("the model was asked %.500s", asked)
	}
}
