package kernel_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
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
	s, _ := watching(t, model, kerneltest.Plugin(kerneltest.TTS("mouth", mouth.say)), settings(func(c *config.Config) {
		c.TTS = config.TTS{Auto: config.SpeakAlways, Channels: map[string]string{"telegram": config.SpeakInbound}, Voice: "ann", Speed: 120}
	}))
	speak := func() {
		voice := s.AddFile(botapi.File{MimeType: "audio/ogg", FileName: "x.oga"}, spoken)
		s.Say(botapi.Message{From: new(person(1)), Chat: botapi.Chat{ID: 1, Type: "private"}, Voice: &voice})
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
	s.Say(botapi.Message{From: new(person(1)), Chat: botapi.Chat{ID: 1, Type: "private"}, Text: "and now?"})
	if m := replies(t, s, 1, 2)[1]; m.Voice != nil || m.Text != "It is done." {
		t.Errorf("what was written is answered by %+v", m)
	}
	mouth.becomes(errors.New("hoarse"))
	speak()
	if m := replies(t, s, 1, 3)[2]; m.Voice != nil || m.Text != "It is done." {
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
	mouth.becomes(wit.NewError(wit.CodeUnavailable, "hoarse too"))
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
