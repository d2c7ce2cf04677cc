package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what a registry has for who waits for it: its index, or why there is none.
type answer struct {
	index *registry.Index
	err   error
}

// ask has registries say what they have, all at once, and returns their answers in the same order. Those that have not answered
// a while after one has what is wanted are judged by what was known of them.
func (s *Service) ask(ctx context.Context, list []registry.Source, wanted func(*registry.Index) bool) []answer {
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answers, ready := make([]answer, len(list)), make(chan int)
	for n, src := range list {
		go func() {
			answers[n].index, answers[n].err = s.usable(ctx, asking, src)
			ready <- n
		}()
	}
	for range list {
		if a := answers[<-ready]; a.err == nil && wanted(a.index) {
			defer time.AfterFunc(grace, cancel).Stop()
		}
	}
	return answers
}

// usable returns a registry's index for who waits: read anew until asking ends, and where that does not work the last good one,
// as long as it has not expired. Errors: why there is none.
func (s *Service) usable(ctx, asking context.Context, src registry.Source) (*registry.Index, error) {
	h := s.shelf(src)
	problem := h.problem
	if problem == nil || time.Since(h.tried) > patience {
		problem = s.refresh(ctx, asking, src)
		h = s.shelf(src)
	}
	if h.index != nil {
		return h.index, h.index.Fresh(time.Now())
	}
	if problem == nil {
		problem = wit.NewError(wit.CodeUnavailable, "it was not read yet")
	}
	return nil, problem
}

// refreshAll reads registries now, all at once. What is wrong with one is told, and kept for who asks.
func (s *Service) refreshAll(ctx context.Context, list []registry.Source) {
	asking, cancel := context.WithTimeout(ctx, indexTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, src := range list {
		all.Go(func() { _ = s.refresh(ctx, asking, src) })
	}
	all.Wait()
}

// errSilent is why nothing is known of a registry that was asked.
func errSilent() error {
	return wit.NewError(wit.CodeTimeout, "it did not answer in time")
}
