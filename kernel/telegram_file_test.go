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
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// asked is what the last message to a model consisted of, in the last of so many requests.
func asked(t *testing.T, model *fieldtest.Completions) (last string, requests int) {
	t.Helper()
	got := model.Requests()
	if len(got) == 0 {
		return "", 0
	}
	var body struct {
		Messages []struct{ Content json.RawMessage }
	}
	if err := json.Unmarshal(got[len(got)-1].Body, &body); err != nil || len(body.Messages) == 0 {
		t.Fatalf("the model was asked %.300s: %v", got[len(got)-1].Body, err)
	}
	return string(body.Messages[len(body.Messages)-1].Content), len(got)
}

// seeing is a model that takes pictures.
func seeing() *fieldtest.Completions {
	return fieldtest.NewCompletions(&fieldtest.Case{Reply: "seen"})
}

// settings changes a test kernel's settings after all others.
func settings(change func(*config.Config)) kerneltest.Option {
	return func(o *kernel.Options) {
		before := o.Override
		o.Override = func(c *config.Config) {
			before(c)
			change(c)
		}
	}
}

// answering chooses who answers.
func answering(name string) kerneltest.Option {
	return settings(func(c *config.Config) { c.Agent.Model = name })
}

// watching boots a gateway with this model that is on Telegram.
func watching(t *testing.T, model *fieldtest.Completions, options ...kerneltest.Option) (*botapitest.Server, *kerneltest.Listener) {
	t.Helper()
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	s, account := telegram(t, botapitest.Config{}, "")
	k := stock(t, append([]kerneltest.Option{account, settings(func(c *config.Config) {
		c.Agent.Model = "openai/m"
		c.Plugins = map[string]config.Plugin{"openai": {Config: wit.JSON(fmt.Sprintf(`{"baseUrl":%q}`, server.URL+"/v1"))}}
	})}, options...)...)
	l := k.Listen()
	setBotToken(l, s)
	return s, l
}

// TestAPictureFromTelegramIsSeen: it is fetched with the bot's token, kept, and shown byte for byte; also once more
// with the next question.
func TestAPictureFromTelegramIsSeen(t *testing.T) {
	t.Parallel()
	model := seeing()
	s, _ := watching(t, model)
	picture := bytes.Repeat([]byte("\xff\xd8 a picture \x00"), 20_000)
	f := s.AddFile(botapitest.File{FileName: "p.jpg"}, picture)
	s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Photo: []botapitest.File{f}, Caption: "what is this?"})
	replies(t, s, 1, 1)
	want := "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(picture)
	if last, _ := asked(t, model); !strings.Contains(last, want) || !strings.Contains(last, "what is this?") {
		t.Errorf("the model was asked %.300s", last)
	}
}

// TestWhatCannotBeSeenIsNamed: to a model that takes no pictures, and for a voice note to all; both are asked again
// without, and the model is not bothered with pictures another time.
func TestWhatCannotBeSeenIsNamed(t *testing.T) {
	t.Parallel()
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "seen", Responses: []fieldtest.Response{
		{Status: http.StatusBadRequest, Body: json.RawMessage(`{"error":{"message":"this model takes no images"}}`)},
	}})
	s, l := watching(t, model)
	room := botapitest.Chat{ID: 1, Type: "private"}
	f := s.AddFile(botapitest.File{FileName: "p.jpg", Width: 640, Height: 480}, []byte("\xff\xd8\xffjpeg"))
	voice := s.AddFile(botapitest.File{MimeType: "audio/ogg", Duration: 65}, []byte("OggS\x00\xff"))
	gone := botapitest.File{FileID: "gone", FileUniqueID: "gone", FileName: "old.pdf", MimeType: "application/pdf"}
	for i, c := range []struct {
		message  botapitest.Message
		want     string
		requests int
	}{
		{botapitest.Message{Photo: []botapitest.File{f}, Caption: "look"}, `"look\n[attached: image p.jpg, image/jpeg, 1 KB, 640×480 pixels; its content cannot be shown to you]"`, 2},
		{botapitest.Message{Photo: []botapitest.File{f}, Caption: "again"}, `"again\n[attached: image p.jpg, image/jpeg, 1 KB, 640×480 pixels; its content cannot be shown to you]"`, 3},
		{botapitest.Message{Voice: &voice}, `"[attached: voice message, audio/ogg, 1 KB, 1:05]"`, 4},
		{botapitest.Message{Document: &gone, Caption: "and this?"}, `"and this?\n[attached: document old.pdf, which was left out]"`, 5},
	} {
		c.message.From, c.message.Chat = new(person(1)), room
		s.Say(c.message)
		replies(t, s, 1, i+1)
		if last, n := asked(t, model); last != c.want || n != c.requests {
			t.Errorf("after %d requests the model was asked %s, want %s after %d", n, last, c.want, c.requests)
		}
	}
	if refused := model.Requests()[0].Body; !bytes.Contains(refused, []byte("image_url")) {
		t.Errorf("the model refused %s", refused)
	}
	var list session.ListResult
	if l.MustCall("sessions.list", map[string]any{}, &list); len(list.Sessions) != 1 {
		t.Fatalf("%+v", list)
	}
	var told chat.History // to clients
	l.MustCall("chat.history", map[string]any{"sessionKey": list.Sessions[0].Key}, &told)
	var pictures, voices int
	for _, m := range told.Messages {
		for _, c := range m.Content {
			if c.Width == 640 && c.Height == 480 && !c.Voice {
				pictures++
			}
			if c.DurationMs == 65_000 && c.Voice {
				voices++
			}
		}
	}
	if pictures != 2 || voices != 1 {
		t.Errorf("clients see %d pictures and %d voice messages with their measures: %+v", pictures, voices, told.Messages)
	}
}

// TestAFileOfAClientIsSeen: what is attached in chat.send is shown as what came through a channel.
func TestAFileOfAClientIsSeen(t *testing.T) {
	t.Parallel()
	model := seeing()
	_, l := watching(t, model)
	data := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n a dot"))
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "what is it?", "idempotencyKey": "r",
		"attachments": []any{map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": data}}}, nil)
	l.End("r")
	if last, _ := asked(t, model); !strings.Contains(last, "data:image/png;base64,"+data) {
		t.Errorf("the model was asked %s", last)
	}
}

// TestFilesGoOutOnTelegram: a client's, and what a tool has made for the answer.
func TestFilesGoOutOnTelegram(t *testing.T) {
	t.Parallel()
	picture := []byte("\x89PNG a plan")
	sum := sha256.Sum256(picture)
	painter := plugintest.Fake{
		Manifest: wit.Manifest{ID: "painter", Name: "Painter", Version: "1.0.0", Description: "Paints.", ABI: 1, Entry: "plugin.wasm",
			Provides: wit.Provides{Tools: []wit.ToolDefinition{{Name: "paint", Description: "Paints a picture.", Parameters: wit.JSON(`{"type":"object"}`)}}}},
		Exports: kerneltest.Exports{"tool_invoke": kerneltest.Export(func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindImage, Media: new(hex.EncodeToString(sum[:])), Mime: new("image/png")}}}, nil
		})},
	}
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if c.Turns[len(c.Turns)-1].Role == wit.RoleTool {
			return kerneltest.Says("there you are"), nil
		}
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "1", Name: "paint", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	})
	s, l := watching(t, seeing(), kerneltest.Plugin(painter, brain), answering("brain"))
	s.DM(person(1), "paint me something")
	replies(t, s, 1, 1) // the store has no such file yet: what was said arrives all the same
	l.MustCall("send", map[string]any{"channel": "telegram", "to": "1", "message": "the plan", "idempotencyKey": "s1",
		"buffer": base64.StdEncoding.EncodeToString(picture), "filename": "plan.png", "contentType": "image/png"}, nil)
	replies(t, s, 1, 2)
	s.DM(person(1), "paint me something")
	replies(t, s, 1, 3)
	var got []string
	for _, m := range s.Sent() {
		if m.Message.Chat.ID == 1 {
			got = append(got, m.Method+": "+m.Message.Text+m.Message.Caption)
		}
	}
	if want := []string{"sendMessage: there you are\n\n[image could not be sent]", "sendPhoto: the plan", "sendPhoto: there you are"}; !slices.Equal(got, want) {
		t.Errorf("sent %q", got)
	}
	file := s.Sent()[1].Message.Photo[0]
	if file.FileSize != int64(len(picture)) {
		t.Errorf("the picture arrived as %+v", file)
	}
}
