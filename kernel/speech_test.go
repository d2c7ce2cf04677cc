package kernel_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/wit"
)

// speaker is a plugin that speaks, until it is told to fail, and what it was asked for.
type speaker struct {
	mu     sync.Mutex
	fail   error
	orders []wit.SpeechOrder
}

func (s *speaker) say(_ context.Context, o *wit.SpeechOrder) (*wit.Speech, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, *o)
	if s.fail != nil {
		return nil, s.fail
	}
	return &wit.Speech{Bytes: []byte("OggS\x00\x02 " + o.Text), Mime: new("audio/ogg")}, nil
}

func (s *speaker) becomes(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *speaker) asked() []wit.SpeechOrder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wit.SpeechOrder(nil), s.orders...)
}

// TestAVoiceMessageIsAnsweredByOne: where the owner wants that, the answer to a voice message is a voice note with the text as
// its caption; what was written is answered in writing, and an answer that cannot be said is too.
func TestAVoiceMessageIsAnsweredByOne(t *testing.T) {
	t.Parallel()
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "It is **done**."})
	mouth := &speaker{}
	s, l := watching(t, model, kerneltest.Plugin(kerneltest.TTS("mouth", mouth.say)), settings(func(c *config.Config) {
		c.TTS = config.TTS{Provider: "mouth", Auto: config.SpeakAlways, Channels: map[string]string{"telegram": config.SpeakInbound}, Voice: "ann", Speed: 120}
		c.Plugins["klatt"] = config.Plugin{Enabled: new(false)}
	}))
	speak := func() {
		voice := s.AddFile(botapitest.File{MimeType: "audio/ogg", FileName: "x.oga"}, spoken)
		s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Voice: &voice})
	}
	speak()
	m := replies(t, s, 1, 1)[0]
	if m.Voice == nil || m.Caption != "It is done." || m.Text != "" {
		t.Errorf("a voice message is answered by %+v", m)
	}
	orders := mouth.asked()
	if len(orders) != 1 || orders[0].Text != "It is done." || orders[0].Format != wit.SoundFormatOpus || *orders[0].Voice != "ann" || orders[0].Speed != 120 {
		t.Errorf("the speaker was asked for %+v", orders)
	}
	s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Text: "and now?"})
	if m := replies(t, s, 1, 2)[1]; m.Voice != nil || m.Text != "It is done." {
		t.Errorf("what was written is answered by %+v", m)
	}
	// What the conversation chooses counts more than the settings.
	var list struct{ Sessions []struct{ Key string } }
	l.MustCall("sessions.list", nil, &list)
	if len(list.Sessions) != 1 {
		t.Fatalf("sessions %+v", list)
	}
	key := list.Sessions[0].Key
	l.MustCall("sessions.patch", map[string]any{"key": key, "ttsAuto": "always"}, nil)
	s.Say(botapitest.Message{From: new(person(1)), Chat: botapitest.Chat{ID: 1, Type: "private"}, Text: "and now?"})
	if m := replies(t, s, 1, 3)[2]; m.Voice == nil || m.Caption != "It is done." {
		t.Errorf("once it is always: %+v", m)
	}
	l.MustCall("sessions.patch", map[string]any{"key": key, "ttsAuto": "off"}, nil)
	speak()
	if m := replies(t, s, 1, 4)[3]; m.Voice != nil || m.Text != "It is done." {
		t.Errorf("once it is off: %+v", m)
	}
	for i, c := range [][2]string{
		{"/voice", "Voice is as configured."}, {"/voice loud", "I do not know that. There are off, inbound, always and default."}, {"/voice on", "Voice is always now."},
		{"/voice", "Voice is always."}, {"/voice Off", "Voice is off now."}, {"/voice default", "Voice is as configured again."},
	} {
		if got := l.Ask(fmt.Sprint("voice", i), c[0]); !strings.HasPrefix(got, c[1]) {
			t.Errorf("%s: %s", c[0], got)
		}
	}
	l.MustCall("sessions.patch", map[string]any{"key": key, "ttsAuto": "inbound"}, nil)
	mouth.becomes(errors.New("hoarse"))
	speak()
	if m := replies(t, s, 1, 5)[4]; m.Voice != nil || m.Audio != nil || m.Text != "It is done." {
		t.Errorf("an answer that cannot be said is %+v", m)
	}
}

// TestSpeechMethods: clients have texts said, choose who says them, and turn it on and off; what cannot be done says so.
func TestSpeechMethods(t *testing.T) {
	t.Parallel()
	mouth, second := &speaker{}, &speaker{}
	l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.TTS("mouth", mouth.say), kerneltest.TTS("other", second.say))).Listen()
	var status tts.StatusResult
	l.MustCall("tts.status", nil, &status)
	if status.Enabled || status.Auto != "off" || status.Provider != "mouth" || len(status.FallbackProviders) != 1 {
		t.Errorf("at first: %+v", status)
	}
	l.MustCall("tts.enable", nil, nil)
	l.MustCall("tts.setProvider", map[string]any{"provider": "other"}, nil)
	l.MustCall("tts.setVoice", map[string]any{"voice": "bob"}, nil)
	l.MustCall("tts.status", nil, &status)
	if !status.Enabled || status.Auto != "always" || status.Provider != "other" || status.Voice != "bob" || *status.FallbackProvider != "mouth" {
		t.Errorf("then: %+v", status)
	}
	if err := l.Call(t.Context(), "tts.setProvider", map[string]any{"provider": "nobody"}, nil); err == nil || !strings.Contains(err.Error(), "mouth, other") {
		t.Errorf("a provider that there is not: %v", err)
	}
	var voices tts.VoicesResult
	l.MustCall("tts.voices", map[string]any{"provider": "mouth"}, &voices)
	if len(voices.Voices) != 2 || voices.Voices[1].ID != "bob" || voices.Current != "bob" {
		t.Errorf("voices %+v", voices)
	}
	var said tts.SpeakResult
	l.MustCall("tts.speak", map[string]any{"text": "# Hello\n\nyou"}, &said)
	if data, err := base64.StdEncoding.DecodeString(said.AudioBase64); err != nil || said.Provider != "other" || said.MimeType != "audio/ogg" || !strings.HasSuffix(string(data), "Hello\n\nyou") {
		t.Errorf("%+v, %q, %v", said, data, err)
	}
	second.becomes(wit.NewError(wit.CodeUnavailable, "hoarse"))
	var made tts.ConvertResult
	l.MustCall("tts.convert", map[string]any{"text": "hello", "channel": "telegram"}, &made)
	if made.Provider != "mouth" || made.OutputFormat != "opus" || !made.VoiceCompatible || len(made.AudioPath) != 64 {
		t.Errorf("the other one says it: %+v", made)
	}
	if order := mouth.asked()[0]; order.Voice != nil {
		t.Errorf("with a voice that it may not have: %+v", order)
	}
	l.MustCall("tts.speak", map[string]any{"text": "hello", "format": "opus", "provider": "mouth", "voice": "bob", "speed": 150}, &said)
	if order := mouth.asked()[1]; said.OutputFormat != "opus" || order.Format != wit.SoundFormatOpus || *order.Voice != "bob" || order.Speed != 150 {
		t.Errorf("asked for %+v, %+v", order, said)
	}
	mouth.becomes(wit.NewError(wit.CodeUnavailable, "hoarse too"))
	if err := l.Call(t.Context(), "tts.convert", map[string]any{"text": "hello", "format": "wav"}, nil); err == nil || !strings.Contains(err.Error(), "nobody speaks wav: other speaks mp3, opus; mouth speaks") {
		t.Errorf("a format that nobody has: %v", err)
	}
	for name, text := range map[string]string{"hoarse too": "hello", "nothing to say": " \n", "4097 bytes": strings.Repeat("x", 4097)} {
		if err := l.Call(t.Context(), "tts.convert", map[string]any{"text": text}, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.MustCall("tts.disable", nil, nil)
	if l.MustCall("tts.status", nil, &status); status.Enabled {
		t.Errorf("off: %+v", status)
	}
	if err := l.Call(t.Context(), "plugins.configure", map[string]any{"id": "mouth", "config": map[string]any{}, "test": true}, nil); err == nil || !strings.Contains(err.Error(), "hoarse too") {
		t.Errorf("a speaker that does not work is set up: %v", err)
	}
	none := kerneltest.Start(t).Listen()
	if err := none.Call(t.Context(), "tts.convert", map[string]any{"text": "hello"}, nil); err == nil || !strings.Contains(err.Error(), "no plugin that speaks") {
		t.Errorf("without a plugin: %v", err)
	}
}

// TestSpeechWithoutANetwork: what nobody has set up speaks, with what there is; a text that is longer than the plugin takes at
// once is one sound all the same, and its parts take as long as it.
func TestSpeechWithoutANetwork(t *testing.T) {
	t.Parallel()
	mouth := &speaker{fail: wit.NewError(wit.CodeUnavailable, "hoarse")}
	l := stock(t, kerneltest.Plugin(kerneltest.TTS("mouth", mouth.say))).Listen()
	sound := func(text string) []byte {
		var said tts.SpeakResult
		l.MustCall("tts.speak", map[string]any{"text": text, "voice": "woman", "provider": "klatt"}, &said)
		data, err := base64.StdEncoding.DecodeString(said.AudioBase64)
		if err != nil || said.Provider != "klatt" || said.MimeType != "audio/wav" || said.OutputFormat != "wav" || string(data[:4]) != "RIFF" {
			t.Fatalf("%s, %s, %v", said.Provider, said.MimeType, err)
		}
		return data[44:]
	}
	const sentence = "The weather is fine. "
	one, many := sound(sentence), sound(strings.Repeat(sentence, 40))
	if len(one) < 32_000 || len(many) != 40*len(one) {
		t.Errorf("a sentence has %d bytes, forty %d", len(one), len(many))
	}
	if err := l.Call(t.Context(), "tts.speak", map[string]any{"text": "hello", "format": "mp3", "provider": "klatt"}, nil); err == nil || !strings.Contains(err.Error(), "klatt speaks wav") {
		t.Errorf("a format that it has not: %v", err)
	}
	l.MustCall("tts.setProvider", map[string]any{"provider": "mouth"}, nil)
	var made tts.ConvertResult
	if l.MustCall("tts.convert", map[string]any{"text": "Hello.", "channel": "telegram"}, &made); made.Provider != "klatt" || made.VoiceCompatible || len(mouth.asked()) != 1 {
		t.Errorf("where another one fails: %+v", made)
	}
}

// TestVendorsSpeak: the stock codecs ask OpenAI, ElevenLabs and Azure as each documents it, with the owner's key, and the sound
// that comes back is kept byte for byte; a refusal says whose it is and nothing of the key.
func TestVendorsSpeak(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked, refused := map[string]string{}, map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Authorization") + r.Header.Get("xi-api-key") + r.Header.Get("Ocp-Apim-Subscription-Key")
		asked[r.URL.Path] = fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", key, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("X-Microsoft-OutputFormat"), " ", string(body))
		if strings.Contains(key, "key-0") {
			refused[r.URL.Path]++
			http.Error(w, `{"error":"bad key"}`, http.StatusUnauthorized)
			return
		}
		if strings.Contains(string(body), "refuse me") {
			http.Error(w, `{"error":"bad key key-1"}`, http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "audio/ogg")
		fmt.Fprint(w, "OggS of ", r.URL.Path)
	}))
	t.Cleanup(server.Close)
	l := stock(t, settings(func(c *config.Config) {
		set := func(text string) config.Plugin { return config.Plugin{Config: wit.JSON(fmt.Sprintf(text, server.URL))} }
		c.Plugins = map[string]config.Plugin{
			"openai": set(`{"baseUrl":"%s/v1","speechModel":"gpt-4o-mini-tts"}`), "elevenlabs": set(`{"baseUrl":%q}`), "azure": set(`{"baseUrl":%q}`),
		}
	})).Listen()
	for plugin, c := range map[string]struct{ path, want string }{
		"openai":     {"/v1/audio/speech", `POST /v1/audio/speech Bearer key-1 application/json  {"model":"gpt-4o-mini-tts","input":"Good morning","voice":"nova","response_format":"opus"}`},
		"elevenlabs": {"/v1/text-to-speech/nova", `POST /v1/text-to-speech/nova?output_format=opus_48000_64 key-1 application/json  {"text":"Good morning","model_id":"eleven_multilingual_v2"}`},
		"azure": {"/cognitiveservices/v1", `POST /cognitiveservices/v1 key-1 application/ssml+xml ogg-24khz-16bit-mono-opus <speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">` +
			`<voice name="nova">Good morning</voice></speak>`},
	} {
		l.MustCall("plugins.configure", map[string]any{"id": plugin, "secrets": map[string]string{"api_key": "key-1"}}, nil)
		var said tts.SpeakResult
		l.MustCall("tts.speak", map[string]any{"text": "Good morning", "provider": plugin, "voice": "nova", "format": "opus"}, &said)
		data, err := base64.StdEncoding.DecodeString(said.AudioBase64)
		if err != nil || string(data) != "OggS of "+c.path || !said.VoiceCompatible || said.Provider != plugin {
			t.Errorf("%s said %q, %+v, %v", plugin, data, said, err)
		}
		mu.Lock()
		if got := asked[c.path]; got != c.want {
			t.Errorf("%s was asked\n%s\nwant\n%s", plugin, got, c.want)
		}
		mu.Unlock()
		// Where one of two keys is refused the other one says it, and the first one rests.
		l.MustCall("credentials.set", system.SetCredential{ID: plugin, Name: "api_key", Value: "key-2"}, nil)
		l.MustCall("credentials.set", system.SetCredential{ID: plugin, Account: "work", Name: "api_key", Value: "key-0"}, nil)
		for range 2 {
			said = tts.SpeakResult{}
			l.MustCall("tts.speak", map[string]any{"text": "Good evening", "provider": plugin, "voice": "nova", "format": "opus"}, &said)
			if data, err := base64.StdEncoding.DecodeString(said.AudioBase64); err != nil || string(data) != "OggS of "+c.path {
				t.Errorf("%s said %q, %v", plugin, data, err)
			}
		}
		mu.Lock()
		if refused[c.path] != 1 || !strings.Contains(asked[c.path], "key-2") {
			t.Errorf("%s: the refused key was tried %d times, and then %s", plugin, refused[c.path], asked[c.path])
		}
		mu.Unlock()
		var status system.Status
		if l.MustCall("status", nil, &status); !strings.Contains(strings.Join(status.Notices, "\n"), "key work of "+plugin+" rests for ") {
			t.Errorf("%s: %q", plugin, status.Notices)
		}
		if err := l.Call(t.Context(), "tts.speak", map[string]any{"text": "refuse me", "provider": plugin, "format": "mp3"}, nil); err == nil || !strings.Contains(err.Error(), plugin+": the server refuses to speak: 401") || strings.Contains(err.Error(), "key-1") {
			t.Errorf("%s refuses: %v", plugin, err)
		}
	}
}
