package host

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

func (g *Guest) configGet(_ context.Context, scope *wit.ConfigScope) (*wit.ConfigSection, error) {
	account := ""
	if scope.Account != nil {
		account = *scope.Account
	}
	value, err := g.Config(account)
	if err != nil {
		return nil, err
	}
	return &wit.ConfigSection{Value: value}, nil
}
