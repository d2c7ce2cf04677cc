package delivery

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "delivery", Methods: s.Methods(), Events: Events(), Run: s.Run, Queues: func(ctx context.Context) (map[string]int, error) {
		outbound, held, err := s.Count(ctx)
		return map[string]int{"outbound": outbound, "held": held}, err
	}}
}
