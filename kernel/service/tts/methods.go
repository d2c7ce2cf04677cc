package tts

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// maxFrame bounds a sound that goes to a client inside of an answer, in bytes.
const maxFrame = 4 << 20

// StatusResult is how answers are spoken.
type StatusResult struct {
	Enabled bool `json:"enabled"`
	// Auto says which answers are spoken: off, inbound (those to voice messages) or always.
	Auto string `json:"auto" rpc:"enum=off|inbound|always"`
	// Provider is the plugin that speaks, empty while there is none; the others are tried where it fails.
	Provider          string   `json:"provider"`
	FallbackProvider  *string  `json:"fallbackProvider"`
	FallbackProviders []string `json:"fallbackProviders"`
	Voice             string   `json:"voice,omitempty"`
	// PrefsPath is the file in which that stands.
	PrefsPath string `json:"prefsPath"`
}

// ProvidersResult lists the plugins that speak.
type ProvidersResult struct {
	Providers []Provider `json:"providers"`
	Active    string     `json:"active"`
}

// Provider is one plugin that speaks.
type Provider struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Configured bool     `json:"configured"`
	Models     []string `json:"models"`
	// Voices are those that the plugin always has; tts.voices lists all.
	Voices []string `json:"voices"`
	// Formats are what it can make, the one that it prefers first.
	Formats []string `json:"formats" rpc:"enum=mp3|opus|wav|flac|aac"`
}

// EnableParams say which answers are spoken.
type EnableParams struct {
	// Auto is always, also when it is left out, or inbound, for answers to voice messages.
	Auto string `json:"auto,omitempty" rpc:"enum=inbound|always"`
}

// EnabledResult says whether answers are spoken.
type EnabledResult struct {
	Enabled bool `json:"enabled"`
}

// ProviderParams name a plugin that speaks.
type ProviderParams struct {
	Provider string `json:"provider" rpc:"required,min=1,max=64"`
}

// ProviderResult names it back.
type ProviderResult struct {
	Provider string `json:"provider"`
}

// VoicesParams may name a plugin; the one that speaks when left out.
type VoicesParams struct {
	Provider string `json:"provider,omitempty" rpc:"max=64"`
}

// VoicesResult lists a plugin's voices.
type VoicesResult struct {
	Provider string      `json:"provider"`
	Voices   []wit.Voice `json:"voices"`
	Current  string      `json:"current"`
}

// VoiceParams name a voice; an empty one is the plugin's choice.
type VoiceParams struct {
	Voice string `json:"voice" rpc:"max=1024"`
}

// VoiceResult says with which voice is spoken.
type VoiceResult struct {
	OK       bool   `json:"ok"`
	Voice    string `json:"voice"`
	Provider string `json:"provider"`
}

// Manner is how a text is said; all of it may be left out.
type Manner struct {
	// Format is that of the sound. Left out, it is what suits, or what whoever speaks has.
	Format string `json:"format,omitempty" rpc:"enum=mp3|opus|wav|flac|aac"`
	// Provider is the plugin that speaks, Voice one of its voices.
	Provider string `json:"provider,omitempty" rpc:"max=64"`
	Voice    string `json:"voice,omitempty" rpc:"max=1024"`
	// Speed is 100 as the voice speaks, 200 twice that.
	Speed int `json:"speed,omitempty" rpc:"min=25,max=400"`
}

// order is a text said in that manner; usual is the format that suits.
func (m Manner) order(text string, usual wit.SoundFormat) Order {
	return Order{Text: text, Format: cmp.Or(wit.SoundFormat(m.Format), usual), Exactly: m.Format != "", Provider: m.Provider, Voice: m.Voice, Speed: uint32(m.Speed)}
}

// ConvertParams are a text to be said; for a channel, as a voice note.
type ConvertParams struct {
	Text    string `json:"text" rpc:"required,min=1,max=65536"`
	Channel string `json:"channel,omitempty" rpc:"max=128"`
	Manner
}

// ConvertResult is where the sound is.
type ConvertResult struct {
	// AudioPath is the file's id in the media store.
	AudioPath    string `json:"audioPath"`
	Provider     string `json:"provider"`
	OutputFormat string `json:"outputFormat"`
	// VoiceCompatible says that platforms take it for a voice note.
	VoiceCompatible bool `json:"voiceCompatible"`
}

// SpeakParams are a text to be said.
type SpeakParams struct {
	Text string `json:"text" rpc:"required,min=1,max=65536"`
	Manner
}

// SpeakResult is the sound.
type SpeakResult struct {
	AudioBase64  string `json:"audioBase64"`
	Provider     string `json:"provider"`
	OutputFormat string `json:"outputFormat,omitempty"`
	// VoiceCompatible says that platforms take it for a voice note.
	VoiceCompatible bool   `json:"voiceCompatible"`
	MimeType        string `json:"mimeType,omitempty"`
	FileExtension   string `json:"fileExtension,omitempty"`
}

func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("tts.status", wire.ScopeRead, s.status).Doc("Says whether answers are spoken, and by whom."),
		rpc.New("tts.providers", wire.ScopeRead, s.providers).Doc("Lists the plugins that speak."),
		rpc.New("tts.voices", wire.ScopeRead, s.voices).Fails(wire.NotFound).Doc("Lists the voices of a plugin."),
		rpc.New("tts.enable", wire.ScopeWrite, func(ctx context.Context, p EnableParams) (EnabledResult, error) {
			return EnabledResult{true}, s.set(ctx, "auto", cmp.Or(p.Auto, config.SpeakAlways))
		}).Doc("Has answers spoken in channels."),
		rpc.New("tts.disable", wire.ScopeWrite, func(ctx context.Context, _ rpc.None) (EnabledResult, error) {
			return EnabledResult{false}, s.set(ctx, "auto", config.SpeakOff)
		}).Doc("Has answers no longer spoken."),
		rpc.New("tts.setProvider", wire.ScopeWrite, s.setProvider).Doc("Chooses the plugin that speaks."),
		rpc.New("tts.setVoice", wire.ScopeWrite, func(ctx context.Context, p VoiceParams) (VoiceResult, error) {
			return VoiceResult{OK: true, Voice: p.Voice, Provider: s.active()}, s.set(ctx, "voice", p.Voice)
		}).Fails(wire.NotFound).
			Doc("Chooses the voice that it speaks with."),
		rpc.New("tts.convert", wire.ScopeWrite, s.convert).Fails(wire.ForeignErrors()...).
			Doc("Says a text aloud, and keeps the sound in the media store."),
		rpc.New("tts.speak", wire.ScopeWrite, s.speak).Fails(wire.ForeignErrors()...).
			Doc("Says a text aloud, and answers with the sound."),
	}
}

// set changes one of the settings.
func (s *Service) set(ctx context.Context, field, value string) error {
	_, err := s.Settings.Edit(ctx, "", func(d *config.Document) error {
		patch, err := json.Marshal(map[string]map[string]string{"tts": {field: value}})
		if err != nil {
			return wit.Errorf(wit.CodeInternal, "change tts.%s: %w", field, err)
		}
		return d.Merge(patch)
	})
	return err
}

// active is who speaks, "" while nobody does.
func (s *Service) active() string {
	if by, err := s.speakers(); err == nil {
		return by[0].ID
	}
	return ""
}

func (s *Service) status(context.Context, rpc.None) (StatusResult, error) {
	now := s.Settings.Config().TTS
	r := StatusResult{Enabled: now.Enabled(), Auto: now.For(""), Voice: now.Voice, PrefsPath: s.Settings.Path(), FallbackProviders: []string{}}
	by, _ := s.speakers() // none is a status too
	for i, speaker := range by {
		if i == 0 {
			r.Provider = speaker.ID
			continue
		}
		r.FallbackProviders = append(r.FallbackProviders, speaker.ID)
	}
	if len(r.FallbackProviders) > 0 {
		r.FallbackProvider = &r.FallbackProviders[0]
	}
	return r, nil
}

func (s *Service) providers(context.Context, rpc.None) (ProvidersResult, error) {
	return s.Providers(), nil
}

// Providers lists the plugins that speak, and the one that is asked first.
func (s *Service) Providers() ProvidersResult {
	r := ProvidersResult{Providers: []Provider{}, Active: s.active()}
	for _, speaker := range s.Speakers.Speakers() {
		p := Provider{ID: speaker.ID, Name: speaker.Facts.Label, Configured: speaker.Configured, Models: []string{}, Voices: []string{}}
		for _, f := range speaker.Facts.Formats {
			p.Formats = append(p.Formats, string(f))
		}
		for _, v := range speaker.Facts.Voices {
			p.Voices = append(p.Voices, v.ID)
		}
		r.Providers = append(r.Providers, p)
	}
	return r
}

// find returns a plugin that speaks. Errors: CodeInvalid, naming those that there are.
func (s *Service) find(id string) (Speaker, error) {
	list := s.Speakers.Speakers()
	var names []string
	for _, speaker := range list {
		if speaker.ID == id {
			return speaker, nil
		}
		names = append(names, speaker.ID)
	}
	return Speaker{}, wit.Errorf(wit.CodeInvalid, "%.64q is no plugin that speaks: there are %s", id, strings.Join(append(names, "no others"), ", "))
}

func (s *Service) setProvider(ctx context.Context, p ProviderParams) (ProviderResult, error) {
	if _, err := s.find(p.Provider); err != nil {
		return ProviderResult{}, err
	}
	return ProviderResult(p), s.set(ctx, "provider", p.Provider)
}

func (s *Service) voices(ctx context.Context, p VoicesParams) (VoicesResult, error) {
	if p.Provider == "" {
		p.Provider = s.active()
	}
	by, err := s.find(p.Provider)
	if err != nil {
		return VoicesResult{}, err
	}
	r := VoicesResult{Provider: by.ID, Voices: append([]wit.Voice{}, by.Facts.Voices...), Current: s.Settings.Config().TTS.Voice}
	listed, err := s.Speakers.Voices(ctx, by.ID)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return VoicesResult{}, err
	}
	for _, v := range listed {
		if !slices.ContainsFunc(r.Voices, func(o wit.Voice) bool { return o.ID == v.ID }) {
			r.Voices = append(r.Voices, v)
		}
	}
	return r, nil
}

// say is Say for clients: that nobody speaks is no fault of theirs.
func (s *Service) say(ctx context.Context, o Order) (*Sound, error) {
	sound, err := s.Say(ctx, o)
	if wit.CodeOf(err) == wit.CodeNotFound {
		err = wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	return sound, err
}

func (s *Service) convert(ctx context.Context, p ConvertParams) (ConvertResult, error) {
	want := wit.SoundFormatMp3
	if p.Channel != "" {
		want = wit.SoundFormatOpus
	}
	sound, err := s.say(ctx, p.order(p.Text, want))
	if err != nil {
		return ConvertResult{}, err
	}
	return ConvertResult{AudioPath: sound.Media, Provider: sound.Provider, OutputFormat: string(sound.Format), VoiceCompatible: sound.Voice()}, nil
}

func (s *Service) speak(ctx context.Context, p SpeakParams) (SpeakResult, error) {
	return s.Speak(ctx, p.order(p.Text, wit.SoundFormatMp3))
}

// Speak is Say for a client, who gets the sound itself. Errors are those of Say, of which CodeNotFound is CodeUnavailable;
// CodeTooLarge for a sound that is longer than an answer may be.
func (s *Service) Speak(ctx context.Context, o Order) (SpeakResult, error) {
	sound, err := s.say(ctx, o)
	if err != nil {
		return SpeakResult{}, err
	}
	data, err := s.Media.Read(ctx, sound.Media, maxFrame)
	if err != nil {
		return SpeakResult{}, err
	}
	return SpeakResult{AudioBase64: base64.StdEncoding.EncodeToString(data), Provider: sound.Provider, OutputFormat: string(sound.Format),
		VoiceCompatible: sound.Voice(), MimeType: sound.Mime, FileExtension: "." + sound.Ending()}, nil
}
