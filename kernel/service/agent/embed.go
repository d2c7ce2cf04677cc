package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Embed makes vectors of texts by a model, which is named provider/model, or without its provider where that is the first one
// that is configured and makes vectors. It returns them in the order of the texts, and the model's full name. Another model is not
// asked in its place, since its vectors are of another kind; another key is.
//
// Errors: CodeInvalid for a model whose provider there is not or makes none; CodeRateLimited for one for which the owner's limits
// leave no room; the provider's; ctx's.
func (m *Models) Embed(ctx context.Context, name string, texts []string, dimensions uint32) (list []wit.Embedding, used wit.Usage, model string, err error) {
	c, err := m.named(m.Providers(), name)
	candidates := []choice{c}
	if err != nil || !strings.Contains(m.settings().full(name), "/") {
		candidates = nil
		for _, p := range m.Configured() {
			candidates = append(candidates, choice{p.ID, name})
		}
	}
	for _, c := range candidates {
		v := &vectors{models: m, choice: c, dimensions: dimensions, guessed: len(candidates) > 1}
		if err = v.make(ctx, texts); wit.CodeOf(err) != wit.CodeNotFound {
			return v.list, v.used, session.ModelName(c.provider, c.model), err
		}
	}
	return nil, used, "", wit.Errorf(wit.CodeInvalid, "no provider makes vectors for the model %.80q: name it provider/model, of a provider that does", name)
}

// vectors are made of texts by one model.
type vectors struct {
	models *Models
	choice
	dimensions uint32
	// guessed says that nobody has named the provider: that it has no such model is no fault of it.
	guessed bool

	list []wit.Embedding
	used wit.Usage
}

// make asks for so many texts at a time as the contract has it.
func (v *vectors) make(ctx context.Context, texts []string) error {
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	permit, err := v.models.meter.Allow(ctx, Question{v.provider, v.model, size / bytesPerToken, 1})
	if err != nil {
		return err
	}
	defer permit.Release()
	for part := range slices.Chunk(texts, wit.EmbeddingQueryTextsMax) {
		q := &inquiry{models: v.models, chain: func() []choice { return []choice{v.choice} }, log: v.models.log}
		q.ask = func(ctx context.Context, s seat, _ *failures, _ int) (outcome, error) { return v.ask(ctx, s, part) }
		if err := q.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ask asks by one key.
func (v *vectors) ask(ctx context.Context, s seat, texts []string) (outcome, error) {
	p, err := v.models.code(s.provider, s.key)
	if err != nil {
		return unfit, err
	}
	q := &wit.EmbeddingQuery{Model: v.model, Texts: texts, Dimensions: v.dimensions}
	a, err := p.Embeddings(ctx, q)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return ended, err // it makes none
	}
	if err == nil && a != nil && a.Request != nil {
		if q.Response, err = p.Do(ctx, a.Request); err == nil {
			a, err = p.Embeddings(ctx, q)
		}
	}
	switch {
	case v.guessed && wit.CodeOf(err) == wit.CodeNotFound:
		return ended, err
	case err != nil:
		return replied, err
	case a == nil || len(a.Embeddings) != len(texts):
		return replied, wit.Errorf(wit.CodeUnavailable, "the provider %s has not answered with a vector for each text", v.provider)
	}
	v.list = append(v.list, a.Embeddings...)
	if a.Usage != nil {
		v.used = session.Sum(v.used, *a.Usage)
		v.models.spent(ctx, Spender{}, Metered{v.provider, v.model, *a.Usage, 0})
	}
	return replied, nil
}
