// Package tts has texts said aloud by plugins, and the sounds kept in the media store.
//
// Say is what the gateway's other services use, the methods are what clients do. Who speaks, and whether answers in a channel
// are spoken, the settings say. A sound is bounded in its text, its bytes and its time. Where the plugin that is chosen fails,
// the others that are set up are tried. Nothing is kept here, and everything is safe for concurrent use.
package tts

import (
	"cmp"
	"context"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/markup"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// Speakers are the plugins that speak.
type Speakers interface {
	// Speakers lists them, by id. It loads no code.
	Speakers() []Speaker
	// Synthesize asks one of them, whose configuration the implementation fills in. Errors are coded: CodeNotFound for one
	// that is gone.
	Synthesize(ctx context.Context, id string, o *wit.SpeechOrder) (*wit.Speech, error)
	// Fetch makes a request as a plugin, and keeps the body of its response, of at most so many bytes. It returns the file
	// and the type that the server says. Errors: CodeTooLarge; those of the request.
	Fetch(ctx context.Context, id string, req *wit.HTTPRequest, most int64) (media, mime string, err error)
	// Voices lists the voices of one of them that its facts do not name, or CodeNotFound.
	Voices(ctx context.Context, id string) ([]wit.Voice, error)
}

// Speaker is what is known of a plugin that speaks without its code.
type Speaker struct {
	ID    string
	Facts wit.TTSFacts
	// Configured says that it can be used: it needs nothing, or the owner has set it up, which SetUp says.
	Configured, SetUp bool
}

// Media keeps files.
type Media interface {
	Put(ctx context.Context, mime, name string, data []byte) (string, error)
	Stat(ctx context.Context, id string) (wit.MediaInfo, error)
	// Read returns all of a file of at most so many bytes.
	Read(ctx context.Context, id string, most int64) ([]byte, error)
}

// Deps is what the service stands on.
type Deps struct {
	Speakers Speakers
	Media    Media
	Settings *config.Settings
	Log      hclog.Logger
}

// Bounds of a sound.
const (
	maxText  = 4096 // bytes
	maxSound = 10 << 20
	timeout  = time.Minute // for all that are tried
)

// Service speaks.
type Service struct{ Deps }

// New returns the service.
func New(d Deps) *Service {
	d.Log = d.Log.Named("tts")
	return &Service{d}
}

// Service names what this is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "tts", Methods: s.methods(), Checks: []func(context.Context) service.Check{s.check}}
}

// Sound is a text that was said.
type Sound struct {
	// Media is the file, of this type and so many bytes.
	Media string
	Mime  string
	Size  int64
	// Format is what was asked for, of this plugin.
	Format   wit.SoundFormat
	Provider string
}

// Voice reports whether platforms take it for a voice note: it is opus in an Ogg file.
func (s *Sound) Voice() bool { return s.Mime == mimes[wit.SoundFormatOpus] }

// Ending is how the file's name ends: ogg for opus.
func (s *Sound) Ending() string {
	if s.Voice() {
		return "ogg"
	}
	return string(s.Format)
}

// mimes are the types of the formats.
var mimes = map[wit.SoundFormat]string{
	wit.SoundFormatOpus: "audio/ogg", wit.SoundFormatMp3: "audio/mpeg", wit.SoundFormatWav: "audio/wav", wit.SoundFormatFlac: "audio/flac",
	wit.SoundFormatAac: "audio/mp4",
}

// Order is what is to be said, and how.
type Order struct {
	// Text may have markup, which is not read out.
	Text string
	// Format is wanted if a plugin has it. With Exactly, plugins that do not have it are not asked.
	Format  wit.SoundFormat
	Exactly bool
	// Provider is the one plugin that is asked; empty asks those that are set up, in turn.
	Provider string
	// Voice and Speed are the owner's choice where they are not set.
	Voice string
	Speed uint32
}

// Say has a text said aloud. Errors: CodeNotFound where nobody speaks; CodeInvalid for a format that nobody has, and for what
// there is nothing to say of; CodeTooLarge for a text, or a sound, that is too long; those of the last plugin that was tried.
func (s *Service) Say(ctx context.Context, o Order) (*Sound, error) {
	o.Text = strings.TrimSpace(markup.Plain(o.Text))
	if o.Text == "" {
		return nil, wit.NewError(wit.CodeInvalid, "there is nothing to say")
	}
	by, err := s.chosen(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var problems []string
	var code wit.Code // of the last one
	for i, speaker := range by {
		sound, err := s.synthesize(ctx, speaker, o, i == 0)
		if err == nil {
			return sound, nil
		}
		problems, code = append(problems, speaker.ID+": "+err.Error()), wit.CodeOf(err)
		if ctx.Err() != nil {
			break
		}
		s.Log.Warn("text not said", "plugin", speaker.ID, "error", err)
	}
	return nil, wit.NewError(code, "the text was not said: "+strings.Join(problems, "; "))
}

// Try has a plugin say a word. Errors are those of the plugin, and of what it answers.
func (s *Service) Try(ctx context.Context, id string) error {
	by, err := s.find(id)
	if err == nil {
		_, err = s.synthesize(ctx, by, Order{Text: "Hello.", Format: wit.SoundFormatOpus}, false)
	}
	return err
}

// chosen are who is asked for an order. Errors: CodeNotFound where nobody speaks; CodeInvalid where those who do cannot.
func (s *Service) chosen(o Order) ([]Speaker, error) {
	by, err := s.speakers()
	if o.Provider != "" {
		var one Speaker
		one, err = s.find(o.Provider)
		by = []Speaker{one}
	}
	if err != nil || !o.Exactly {
		return by, err
	}
	var able []Speaker
	var have []string
	for _, speaker := range by {
		if slices.Contains(speaker.Facts.Formats, o.Format) {
			able = append(able, speaker)
		}
		have = append(have, fmt.Sprintf("%s speaks %s", speaker.ID, list(speaker.Facts.Formats)))
	}
	if len(able) == 0 {
		return nil, wit.Errorf(wit.CodeInvalid, "nobody speaks %s: %s", o.Format, strings.Join(have, "; "))
	}
	return able, nil
}

func list(formats []wit.SoundFormat) string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}

// speakers are who is asked, in turn: the one that the owner has named, then those that he has set up, then those that need
// nothing. Errors: CodeNotFound.
func (s *Service) speakers() ([]Speaker, error) {
	list := s.Speakers.Speakers()
	named := s.Settings.Config().TTS.Provider
	first := slices.IndexFunc(list, func(sp Speaker) bool { return sp.ID == named })
	if named != "" && first < 0 {
		return nil, wit.Errorf(wit.CodeNotFound, "the plugin %.64q, which tts.provider names, cannot be used", named)
	}
	var out []Speaker
	if first >= 0 {
		out = append(out, list[first])
	}
	for _, own := range [...]bool{true, false} {
		for i, sp := range list {
			if i != first && sp.Configured && sp.SetUp == own {
				out = append(out, sp)
			}
		}
	}
	if len(out) == 0 {
		return nil, wit.NewError(wit.CodeNotFound, "no plugin that speaks is set up: `carapace setup` lists those that there are")
	}
	return out, nil
}

// synthesize has one plugin say it; the owner's voice is the first one's.
func (s *Service) synthesize(ctx context.Context, by Speaker, o Order, first bool) (*Sound, error) {
	if len(o.Text) > maxText {
		return nil, wit.Errorf(wit.CodeTooLarge, "the text has %d bytes, more than the %d that are said", len(o.Text), maxText)
	}
	now := s.Settings.Config().TTS
	order := &wit.SpeechOrder{Text: o.Text, Speed: cmp.Or(o.Speed, uint32(now.Speed)), Format: by.Facts.Formats[0]}
	if slices.Contains(by.Facts.Formats, o.Format) {
		order.Format = o.Format
	}
	if voice := cmp.Or(o.Voice, now.Voice); voice != "" && (first || o.Voice != "" && o.Provider != "") {
		order.Voice = &voice
	}
	if most := int(by.Facts.MaxLength); most > 0 && len(o.Text) > most {
		return s.pieces(ctx, by.ID, order, most)
	}
	answer, err := s.Speakers.Synthesize(ctx, by.ID, order)
	if err != nil {
		return nil, err
	}
	return s.keep(ctx, by.ID, order.Format, answer)
}

// keep puts what a plugin has answered into the media store, if it is a sound.
func (s *Service) keep(ctx context.Context, id string, format wit.SoundFormat, a *wit.Speech) (*Sound, error) {
	out := &Sound{Format: format, Provider: id, Mime: mimes[format]}
	said, err := "", error(nil)
	switch {
	case a.Request != nil:
		out.Media, said, err = s.Speakers.Fetch(ctx, id, a.Request, maxSound)
	case a.Media != nil:
		out.Media = *a.Media
	default:
		out.Media, err = s.Media.Put(ctx, out.Mime, "speech."+out.Ending(), a.Bytes)
	}
	if err != nil {
		return nil, err
	}
	if a.Mime != nil && *a.Mime != "" {
		said = *a.Mime
	}
	if out.Mime, err = sound(said, out.Mime); err != nil {
		return nil, err
	}
	info, err := s.Media.Stat(ctx, out.Media)
	switch {
	case err != nil:
		return nil, err
	case info.Size == 0:
		return nil, wit.NewError(wit.CodeUnavailable, "the sound is empty")
	case info.Size > maxSound:
		return nil, wit.Errorf(wit.CodeTooLarge, "the sound has %d bytes, more than %d", info.Size, maxSound)
	}
	out.Size = info.Size
	return out, nil
}

// sound is the type of a sound that is said to be of a type; where that says nothing, it is the usual one. Errors:
// CodeUnavailable for what is no sound, such as a page that tells of an error.
func sound(said, usual string) (string, error) {
	kind, _, _ := mime.ParseMediaType(said)
	switch {
	case kind == "" || kind == "application/octet-stream" || kind == "binary/octet-stream":
		return usual, nil
	case kind == "application/ogg" || kind == "audio/opus":
		return mimes[wit.SoundFormatOpus], nil
	case strings.HasPrefix(kind, "audio/"):
		return kind, nil
	}
	return "", wit.Errorf(wit.CodeUnavailable, "what came is no sound but %.100q", said)
}

// check says who speaks. That nobody does is a choice; that nobody does whom the owner has named, or while answers are to be
// spoken, is a fault.
func (s *Service) check(context.Context) service.Check {
	by, err := s.speakers()
	now := s.Settings.Config().TTS
	switch {
	case err == nil:
		return service.Check{Name: "speech", OK: true, Message: "spoken by " + by[0].ID}
	case now.Provider == "" && !now.Enabled():
		return service.Check{Name: "speech", OK: true, Message: "answers are not spoken"}
	}
	return service.Check{Name: "speech", Message: err.Error(), Hint: "set one up, or turn speech off with `carapace config set tts.auto off`"}
}
