package store

import (
	"sync"

	"github.com/hashicorp/go-hclog"
)

// Skips is for those who go over many records: it leaves the Damaged ones out, so that one does not hold up the others,
// and logs each once.
type Skips struct {
	log  hclog.Logger
	told sync.Map // what was logged
}

// NewSkips returns one that logs to log.
func NewSkips(log hclog.Logger) *Skips { return &Skips{log: log} }

// Skip reports whether an error is that of a damaged record.
func (s *Skips) Skip(err error) bool {
	if !Damaged(err) {
		return false
	}
	if _, told := s.told.LoadOrStore(err.Error(), true); !told {
		s.log.Error("damaged record left out", "error", err)
	}
	return true
}
