// Package person answers for what the gateway knows of one person: all of it is given out, or removed.
//
// What is known is with many services, each a Holder. A removal is noted before it begins and goes on after a crash; when it is
// done a line of the audit says so, in which the person is a hash.
package person

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Holder knows something of people. It is safe for concurrent use.
type Holder interface {
	// Lines yields what it knows of a person, each line a JSON object with a type, until yield fails. Errors: yield's; its own.
	Lines(ctx context.Context, p message.Party, yield func(line any) error) error
	// Forget removes it, and returns how many records that were. It may be called again where a crash has cut it.
	Forget(ctx context.Context, p message.Party) (int, error)
}

// Named is a holder under the name by which results call it.
type Named struct {
	Name string
	Holder
}

// Deps is what the service uses.
type Deps struct {
	Store store.Store
	// Holders are asked in their order.
	Holders []Named
	// Meet fills in what is a person's, before anything of it is removed.
	Meet func(context.Context, *message.Party) error
	Log  hclog.Logger
}

// Service answers for people.
type Service struct {
	Deps
	removing sync.Mutex
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	d.Log = d.Log.Named("person")
	return &Service{Deps: d}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "person", Run: s.run, Methods: []rpc.Method{
		rpc.New("sessions.export_user", wire.ScopeAdmin, s.export).Audited().Doc("Returns all that is known of one person, as JSON lines, page by page."),
		rpc.New("sessions.purge_user", wire.ScopeAdmin, s.purge).Audited().Doc("Removes all that is known of one person, for good."),
	}}
}

// removal is one that was asked for and is not done.
type removal struct {
	Party message.Party `json:"party"`
	Begun int64         `json:"begun"`
}

// Audit is what stays of a removal. Times are in Unix milliseconds.
type Audit struct {
	// Person is the SHA-256 of channel:id.
	Person string `json:"person"`
	Begun  int64  `json:"begun"`
	Done   int64  `json:"done"`
	// Removed counts records, by who had them.
	Removed map[string]int `json:"removed"`
}

const (
	removals = store.Table[removal]("person.removals")
	audits   = store.Table[Audit]("person.audit")
)

// hash is a person as the audit and logs name them.
func hash(p message.Party) string {
	sum := sha256.Sum256([]byte(p.Channel + ":" + p.ID))
	return hex.EncodeToString(sum[:])
}

// run ends the removals that a crash has cut, and returns when ctx ends.
func (s *Service) run(ctx context.Context) error {
	var left []removal
	err := s.Store.View(ctx, func(tx store.Tx) error {
		left = nil
		for row, err := range removals.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if err == nil {
				left = append(left, row.Value)
			}
		}
		return nil
	})
	for _, one := range left {
		if err == nil {
			_, err = s.remove(ctx, one)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Error("the removal of what is known of a person is not done: ask for it again", "error", err)
	}
	<-ctx.Done()
	return nil
}

// remove removes what is known of a person, and notes that.
func (s *Service) remove(ctx context.Context, one removal) (Audit, error) {
	s.removing.Lock()
	defer s.removing.Unlock()
	a := Audit{Person: hash(one.Party), Begun: one.Begun, Removed: map[string]int{}}
	for _, h := range s.Holders {
		n, err := h.Forget(ctx, one.Party)
		if err != nil {
			return a, wit.Errorf(wit.CodeOf(err), "not all is removed, ask again: %s: %w", h.Name, err)
		}
		a.Removed[h.Name] = n
	}
	a.Done = time.Now().UnixMilli()
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := removals.Delete(tx, a.Person); err != nil {
			return err
		}
		return audits.Put(tx, a.Person+"/"+time.UnixMilli(a.Done).UTC().Format(time.RFC3339Nano), a)
	})
	if err == nil {
		s.Log.Info("what was known of a person is removed", "person", a.Person[:16], "removed", a.Removed)
	}
	return a, err
}

// Audits returns what stays of the removals.
func (s *Service) Audits(ctx context.Context) (list []Audit, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) error {
		list = nil
		for row, err := range audits.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if err == nil {
				list = append(list, row.Value)
			}
		}
		return nil
	})
	return list, err
}
