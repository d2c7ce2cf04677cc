package agent

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// ByKey asks a plugin that is no model with its keys, one after the other, until one is good; kind names what it is asked for. A key
// that is refused, or has been used too much, rests as a provider's does, and is visible like that. One that is the only one is asked
// in any case. Errors are those of the last key that was asked, and those that another key cannot change.
func (m *Models) ByKey(ctx context.Context, plugin, kind string, ask func(key string) error) error {
	seats := m.queue([]choice{{plugin, kind}}, "")
	if len(seats) == 1 {
		return ask(seats[0].key)
	}
	var last error
	for _, s := range seats {
		if e := m.leftAlone(s); e != nil {
			last = e
			continue
		}
		err := ask(s.key)
		if err == nil {
			m.rests.Worked(ctx, s.provider, s.key, s.model)
			return nil
		}
		last = err
		switch code := wit.CodeOf(err); code {
		case wit.CodeUnauthorized, wit.CodeForbidden, wit.CodeRateLimited:
			p := m.rests.Failed(ctx, s.subject(code), publicError(err))
			m.log.Warn("a key rests", "plugin", plugin, "key", s.key, "for", rounded(p.Left()), "error", err)
		default:
			return err
		}
	}
	return last
}
