package channel

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// check names the accounts that the owner has to do something about.
func (s *Service) check(context.Context) service.Check {
	list := s.List()
	var wrong, waiting []string
	for _, a := range list {
		switch condition := a.Condition(); condition {
		case string(phaseWaiting):
			if a.State == wit.ConnectionStateFailed {
				wrong = append(wrong, described(a))
			} else {
				waiting = append(waiting, described(a))
			}
		case string(phaseFailed), string(phaseStopped), string(phaseInvalid), string(wit.ConnectionStateNeedsLogin):
			wrong = append(wrong, described(a))
		case string(wit.ConnectionStateConnected), string(phaseDisabled), string(phaseOff):
		default:
			waiting = append(waiting, described(a))
		}
	}
	if len(wrong) > 0 {
		return service.Check{Name: "channels", Message: strings.Join(wrong, "; "), Hint: "see `carapace logs`, and set the account up again with `carapace setup`"}
	}
	if len(waiting) > 0 {
		return service.Check{Name: "channels", OK: true, Warning: true, Message: strings.Join(waiting, "; "), Hint: "it goes on trying; `carapace logs` shows why it is not connected"}
	}
	return service.Check{Name: "channels", OK: true, Message: service.Count(len(list), "account")}
}

// described says how an account is, for the owner.
func described(a Changed) string {
	text := a.Channel + "/" + a.Account + ": " + a.Condition()
	if a.Message != "" {
		text += ": " + a.Message
	}
	if a.Login {
		text += " (`carapace channels login " + plain.Words(a.Channel, a.Account) + "` shows the code)"
	}
	return text
}

// Condition is how the account is, in a word: the state of its connection, or why it has none.
func (c Changed) Condition() string {
	if c.State == "" || c.Phase != string(phaseRunning) {
		return c.Phase
	}
	return string(c.State)
}
