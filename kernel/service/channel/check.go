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
		state := string(a.State)
		if state == "" || a.Phase != string(phaseRunning) {
			state = a.Phase
		}
		switch state {
		case string(phaseFailed), string(phaseStopped), string(wit.ConnectionStateNeedsLogin):
			wrong = append(wrong, strings.TrimSpace(a.Channel+"/"+a.Account+": "+state+" "+a.Message))
		}
	}
	if len(wrong) > 0 {
		return service.Check{Name: "channels", Message: strings.Join(wrong, "; "), Hint: "see `carapace logs`, and set the account up again with `carapace setup`"}
	}
	return service.Check{Name: "channels", OK: true, Message: fmt.Sprintf("%d accounts", len(list))}
}
