package channel

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Command gives an account a command, also one that no method gives.
func (s *Service) Command(ctx context.Context, channel, account, name string) (*wit.AccountStatus, error) {
	a, err := s.roster.find(channel, account)
	if err != nil {
		return nil, err
	}
	return a.command(ctx, name)
}
