package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Transcriber is a plugin's handle as what writes down what is said in recordings. Errors are as for Channel.
type Transcriber struct {
	handle
	account string // whose credentials are used
}

// As returns the transcriber with the credentials of an account, and those of the plugin where the account has none.
func (t *Transcriber) As(account string) *Transcriber { return &Transcriber{t.handle, account} }

// Transcriber returns one by its plugin's id, or CodeNotFound. It loads no code.
func (r *Registry) Transcriber(id string) (*Transcriber, error) {
	if !r.table.offers.Load().has("stt", id) {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no plugin %s that transcribes: install it, or correct the name", id)
	}
	return &Transcriber{handle: handle{r.versions, id}}, nil
}

// Transcribers lists those that can be called, by id.
func (r *Registry) Transcribers() []*Transcriber {
	ids := r.table.offers.Load().plugins["stt"]
	list := make([]*Transcriber, len(ids))
	for i, id := range ids {
		list[i] = &Transcriber{handle: handle{r.versions, id}}
	}
	return list
}

// Facts returns what is known of it; the zero value once the plugin is gone.
func (t *Transcriber) Facts() *wit.STTFacts {
	if m := t.manifest(); m != nil && m.Provides.STT != nil {
		return m.Provides.STT
	}
	return &wit.STTFacts{}
}

// Transcribe writes down what is said in a recording. The plugin is given no permission with it: it sends the recording
// on, which is in the media store, if it was granted that.
func (t *Transcriber) Transcribe(ctx context.Context, r *wit.Recording) (*wit.Transcript, error) {
	own := *r
	if err := t.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	return call[wit.Transcript](ctx, t.versions, t.id, request{export: "stt_transcribe", account: t.account}, &own)
}
