package agent

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// wishes puts into a chat what a client asks for that not every provider can do. A seed is left out where it is not heeded: it
// promises nothing. Errors: CodeInvalid where the answer would be another one than was asked for.
func (l *loop) wishes(c *wit.Chat, t *run.Terms) error {
	if t.Format != nil {
		if err := l.models.Heeds(l.model.provider, wit.ChatWishFormat); err != nil {
			return err
		}
	}
	if len(t.Stop) > 0 {
		if err := l.models.Heeds(l.model.provider, wit.ChatWishStop); err != nil {
			return err
		}
	}
	c.Format, c.Stop = t.Format, t.Stop
	if t.Seed != nil && l.models.Heeds(l.model.provider, wit.ChatWishSeed) == nil {
		c.Seed = t.Seed
	}
	return nil
}

// Heeds fails with CodeInvalid where a provider, or the one of a model that is named provider/model, does not heed what a chat may
// ask for.
func (m *Models) Heeds(name string, wish wit.ChatWish) error {
	provider, _, _ := strings.Cut(name, "/")
	if slices.Contains(m.heeds(provider), wish) {
		return nil
	}
	return wit.Errorf(wit.CodeInvalid, "the provider %s does not heed a chat's %s: leave that out, or choose another model", provider, wish)
}

// heeds is what of a chat a provider heeds that others do not.
func (m *Models) heeds(provider string) []wit.ChatWish {
	for p := range m.providers.Providers() {
		if p.ID == provider {
			return p.Facts.Heeds
		}
	}
	return nil
}
