package kernel

import (
	"context"
	"io"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/wit"
)

// speakers is tts's view of the plugins that speak, and of what the owner has said of them.
type speakers struct {
	registry *plugin.Registry
	settings *config.Settings
	vault    *secret.Vault
	media    *media.Store
	keys     byKey
}

// Speakers implements tts.Speakers.
func (s speakers) Speakers() []tts.Speaker {
	var list []tts.Speaker
	for _, p := range s.registry.Speakers() {
		facts := *p.Facts()
		if len(facts.Formats) == 0 {
			continue // it is gone by now
		}
		set := len(s.settings.PluginConfig(p.ID())) > len("{}") || s.vault.Count(p.ID()) > 0
		list = append(list, tts.Speaker{ID: p.ID(), Facts: facts, Configured: facts.Ready || set, SetUp: set})
	}
	return list
}

// Synthesize implements tts.Speakers.
func (s speakers) Synthesize(ctx context.Context, id string, o *wit.SpeechOrder) (*wit.Speech, error) {
	p, err := s.registry.Speaker(id)
	if err != nil {
		return nil, err
	}
	var said *wit.Speech
	err = s.keys(ctx, id, "speech", func(key string) error {
		said, err = p.As(key).Synthesize(ctx, o)
		return err
	})
	return said, err
}

// Voices implements tts.Speakers.
func (s speakers) Voices(ctx context.Context, id string) ([]wit.Voice, error) {
	p, err := s.registry.Speaker(id)
	if err != nil {
		return nil, err
	}
	var list []wit.Voice
	err = s.keys(ctx, id, "speech", func(key string) error {
		list, err = p.As(key).Voices(ctx)
		return err
	})
	return list, err
}

// Fetch implements tts.Speakers: what comes goes to the media store as it comes.
func (s speakers) Fetch(ctx context.Context, id string, req *wit.HTTPRequest, most int64) (file, mime string, err error) {
	p, err := s.registry.Speaker(id)
	if err != nil {
		return "", "", err
	}
	err = s.keys(ctx, id, "speech", func(key string) error {
		file, mime, err = s.fetch(ctx, p.As(key), req, most)
		return err
	})
	return file, mime, err
}

func (s speakers) fetch(ctx context.Context, p *plugin.Speaker, req *wit.HTTPRequest, most int64) (file, mime string, err error) {
	res, err := p.Stream(ctx, req)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	if res.Status < 200 || res.Status > 299 {
		return "", "", refusedSpeech(res.Status)
	}
	for _, h := range res.Headers {
		if strings.EqualFold(h.Name, "Content-Type") {
			mime = h.Value
		}
	}
	file, err = s.media.Store(ctx, wit.MediaInfo{Mime: mime}, media.AtMost(res.Body, most))
	return file, mime, err
}

// refusedSpeech says that a server has not spoken, and whether it may do so later.
func refusedSpeech(status int) error {
	switch {
	case status == 401 || status == 403:
		return wit.Errorf(wit.CodeUnauthorized, "the server refuses to speak: %d, so the key may be wrong", status)
	case status == 429:
		return wit.Errorf(wit.CodeRateLimited, "the server does not speak now: %d", status)
	case status >= 500:
		return wit.Errorf(wit.CodeUnavailable, "the server does not speak now: %d", status)
	}
	return wit.Errorf(wit.CodeInvalid, "the server cannot say that: %d", status)
}

// voice is delivery's view of who speaks, and of which answers the owner wants spoken.
type voice struct {
	speech   *tts.Service // nil says nothing
	settings *config.Settings
}

// Speaks implements delivery.Voice.
func (v voice) Speaks(channel string, what message.Speech) bool {
	if v.speech == nil || what == message.SpeechChosen {
		return v.speech != nil
	}
	auto := v.settings.Config().TTS.For(channel)
	return auto == config.SpeakAlways || auto == config.SpeakInbound && what == message.SpeechReply
}

// Say implements delivery.Voice.
func (v voice) Say(ctx context.Context, text string) (wit.Attachment, error) {
	sound, err := v.speech.Say(ctx, tts.Order{Text: text, Format: wit.SoundFormatOpus})
	if err != nil {
		return wit.Attachment{}, err
	}
	a := wit.Attachment{Kind: wit.AttachmentKindAudio, Media: &sound.Media, Mime: &sound.Mime, Size: &sound.Size, Name: new("answer." + sound.Ending())}
	if sound.Voice() {
		a.Kind = wit.AttachmentKindVoice
	}
	return a, nil
}

// speakers is system's view of who speaks, nil where nobody does.
func (w *wiring) speakers() system.Speakers {
	if w.speech == nil {
		return nil
	}
	return w.speech
}

// sounds is tts's view of the media store.
type sounds struct{ *media.Store }

// Read implements tts.Media.
func (s sounds) Read(ctx context.Context, id string, most int64) ([]byte, error) {
	file, _, err := s.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(media.AtMost(file, most))
}
