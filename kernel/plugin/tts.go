package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// Speaker is a plugin's handle as what says texts aloud. Errors are as for Channel.
type Speaker struct {
	handle
	account string // whose credentials are used
}

// As returns the speaker with the credentials of an account, and those of the plugin where the account has none.
func (s *Speaker) As(account string) *Speaker { return &Speaker{s.handle, account} }

// Speaker returns one by its plugin's id, or CodeNotFound. It loads no code.
func (r *Registry) Speaker(id string) (*Speaker, error) {
	if !r.table.offers.Load().has("tts", id) {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no plugin %s that speaks: install it, or correct the name", id)
	}
	return &Speaker{handle: handle{r.versions, id}}, nil
}

// Speakers lists those that can be called, by id.
func (r *Registry) Speakers() []*Speaker {
	ids := r.table.offers.Load().plugins["tts"]
	list := make([]*Speaker, len(ids))
	for i, id := range ids {
		list[i] = &Speaker{handle: handle{r.versions, id}}
	}
	return list
}

// Facts returns what is known of it; the zero value once the plugin is gone.
func (s *Speaker) Facts() *wit.TTSFacts {
	if m := s.manifest(); m != nil && m.Provides.TTS != nil {
		return m.Provides.TTS
	}
	return &wit.TTSFacts{}
}

// Synthesize has a text said aloud, or says by which request it is.
func (s *Speaker) Synthesize(ctx context.Context, o *wit.SpeechOrder) (*wit.Speech, error) {
	own := *o
	if err := s.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	return call[wit.Speech](ctx, s.versions, s.id, request{export: "tts_synthesize", account: s.account}, &own)
}

// Voices lists the voices that the facts do not name: it makes the request that the plugin asks for. CodeNotFound when the
// plugin has no such list.
func (s *Speaker) Voices(ctx context.Context) ([]wit.Voice, error) {
	q := &wit.VoicesQuery{}
	if err := s.fill(&q.Config, ""); err != nil {
		return nil, err
	}
	answer, err := call[wit.VoicesAnswer](ctx, s.versions, s.id, request{export: "tts_voices", account: s.account}, q)
	if err != nil || answer.Request == nil {
		return voices(answer), err
	}
	if q.Response, err = s.Do(ctx, s.account, answer.Request); err != nil {
		return nil, err
	}
	answer, err = call[wit.VoicesAnswer](ctx, s.versions, s.id, request{export: "tts_voices", account: s.account}, q)
	return voices(answer), err
}

func voices(a *wit.VoicesAnswer) []wit.Voice {
	if a == nil {
		return nil
	}
	return a.Voices
}

// Stream makes a request that the plugin asked for, and returns when the response begins; the caller closes its body. Errors
// are those of egress.Client.Do, and CodeRateLimited.
func (s *Speaker) Stream(ctx context.Context, req *wit.HTTPRequest) (*egress.Response, error) {
	return s.stream(ctx, s.account, req, 0)
}
