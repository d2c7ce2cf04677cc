package channel

import (
	"context"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// check names the accounts that the owner has to do something about.
func (s *Service) check(context.Context) service.Check {
	list := s.List()
	var wrong []string
	for _, a := range list {
		switch condition := a.Condition(); condition {
		case string(phaseFailed), string(phaseStopped), string(wit.ConnectionStateNeedsLogin):
			wrong = append(wrong, strings.TrimSpace(a.Channel+"/"+a.Account+": "+condition+" "+a.Message))
		}
	}
	if len(wrong) > 0 {
		return service.Check{Name: "channels", Message: strings.Join(wrong, "; "), Hint: "see `carapace logs`, and set the account up again with `carapace setup`"}
	}
	return service.Check{Name: "channels", OK: true, Message: fmt.Sprintf("%d accounts", len(list))}
}

// Condition is how the account is, in a word: the state of its connection, or why it has none.
func (c Changed) Condition() string {
	if c.State == "" || c.Phase != string(phaseRunning) {
		return c.Phase
	}
	return string(c.State)
}
