package cron

import (
	"context"
	"encoding/json"
	"strings"
)

// Resolver says which id is meant by a name in a channel, where account may be empty. What nobody is called is taken for an id
// and comes back as it is. Errors are coded: CodeConflict for a name that several have.
type Resolver func(ctx context.Context, channel, account, name string) (id string, err error)

// address puts ids in the place of names that answers are to go to, when a job is made or changed: who has a name when the
// answer goes out may be somebody else. Where no channel is named beside it, a name stays what it is.
func (s *Service) address(ctx context.Context, p *PatchParams) error {
	if s.resolve == nil {
		return nil
	}
	if p.Payload != nil {
		own := *p.Payload
		p.Payload = &own
		if err := s.name(ctx, own.Channel, nil, &p.Payload.To); err != nil {
			return err
		}
	}
	if p.Delivery == nil {
		return nil
	}
	own := *p.Delivery
	p.Delivery = &own
	return s.name(ctx, own.Channel, own.AccountID, &p.Delivery.To)
}

// name resolves one name. What is no text is refused later.
func (s *Service) name(ctx context.Context, channel, account json.RawMessage, to *json.RawMessage) error {
	in, at, who := plainText(channel), plainText(account), plainText(*to)
	if in == "" || in == "last" || who == "" {
		return nil
	}
	id, err := s.resolve(ctx, in, at, who)
	if err == nil {
		*to, err = json.Marshal(id)
	}
	return err
}

// plainText is a JSON text, "" for anything else.
func plainText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return strings.TrimSpace(text)
}
