// Package archive keeps conversations as files: those that somebody puts away, and those that nobody has used for long.
//
// A file is compressed JSON lines, written whole before anything is taken out of the store, and known by its sum, so that one
// that was changed is refused.
package archive

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service uses. All fields but Folder are needed.
type Deps struct {
	Store    store.Store
	Sessions *session.Service
	// Folder keeps the files; nil keeps them in memory.
	Folder Folder
	Log    hclog.Logger
}

// Ports is what the methods need of the services above.
type Ports struct {
	Runs session.Runs
	// Ended is told that a history of a session has ended. It was the history of entry.
	Ended func(ctx context.Context, entry session.Entry, why wit.SessionEnding)
}

// Service is the archive. It is safe for concurrent use.
type Service struct {
	store    store.Store
	sessions *session.Service
	folder   Folder
	log      hclog.Logger
	skips    *store.Skips
	ports    Ports
}

// New returns the archive; it starts nothing.
func New(d Deps) *Service {
	log := d.Log.Named("archive")
	if d.Folder == nil {
		d.Folder = new(Memory)
	}
	return &Service{store: d.Store, sessions: d.Sessions, folder: d.Folder, log: log, skips: store.NewSkips(log)}
}

// Service describes the service to the kernel. It is called once, before anything is called.
func (s *Service) Service(p Ports) service.Service {
	s.ports = p
	return service.Service{Name: "archive", Run: s.run, Methods: []rpc.Method{
		rpc.New("sessions.archive", wire.ScopeAdmin, s.archive).Audited().Fails(wire.NotFound, wire.Conflict, wire.TooLarge).Emits("sessions.changed").
			Doc("Writes a conversation into the archive, and puts it away or takes it out of the store."),
		rpc.New("sessions.restore", wire.ScopeAdmin, s.restore).Audited().Fails(wire.NotFound, wire.Conflict).Emits("sessions.changed").
			Doc("Brings a conversation back from the archive."),
		rpc.New("sessions.archives", wire.ScopeAdmin, s.listArchives).Doc("Lists what is in the archive."),
		rpc.New("sessions.archive.delete", wire.ScopeAdmin, s.deleteArchive).Audited().Fails(wire.NotFound).
			Doc("Deletes a conversation from the archive, for good."),
	}}
}
