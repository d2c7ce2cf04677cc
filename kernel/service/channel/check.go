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
	var wrong, lost []string
	for _, a := range list {
		switch condition := a.Condition(); condition {
		case string(phaseFailed), string(phaseStopped), string(wit.ConnectionStateNeedsLogin):
			wrong = append(wrong, strings.TrimSpace(a.Channel+"/"+a.Account+": "+condition+" "+a.Message))
		case string(wit.ConnectionStateConnected), string(phaseDisabled), string(phaseOff):
		default:
			lost = append(lost, strings.TrimSpace(a.Channel+"/"+a.Account+": "+condition+" "+a.Message))
		}
	}
	if len(wrong) > 0 {
		return service.Check{Name: "channels", Message: strings.Join(wrong, "; "), Hint: "see `carapace logs`, and set the account up again with `carapace setup`"}
	}
	if len(lost) > 0 {
		return service.Check{Name: "channels", OK: true, Warning: true, Message: strings.Join(lost, "; "), Hint: "it goes on trying; `carapace logs` shows why it is not connected"}
	}
	if len(list) == 1 {
		return service.Check{Name: "channels", OK: true, Message: "1 account"}
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
