package delivery

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// check tells the owner of messages that wait for a decision. Messages that wait for anything else are well:
// what keeps them from going out is told by who is in charge of it.
func (s *Service) check(ctx context.Context) service.Check {
	err := s.records.recount(ctx)
	var waiting, held int
	if err == nil {
		waiting, held, err = s.records.count(ctx)
	}
	switch {
	case err != nil:
		return service.Check{Name: "delivery", Message: err.Error()}
	case held > 0:
		return service.Check{
			Name: "delivery", Message: service.Count(held, "message") + " held, which may have arrived",
			Hint: "look with `carapace delivery list`, then `carapace delivery release` or `drop`",
		}
	}
	return service.Check{Name: "delivery", OK: true, Message: service.Count(waiting, "message") + " waiting"}
}
