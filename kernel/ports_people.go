package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/audit"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/person"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// people makes the service that answers for what is known of a person. What is on its way goes before what was said, and files
// last: their ids stand in what was said.
func (w *wiring) people() func() service.Service {
	known := session.People{Sessions: w.sessions, Runs: w.runs}
	holders := []person.Named{{Name: "runs", Holder: w.runs}, {Name: "sessions", Holder: known}, {Name: "inbox", Holder: w.letters}}
	if w.shelf != nil {
		holders = append(holders, person.Named{Name: "archive", Holder: w.shelf})
	}
	if w.deliveries != nil {
		holders = append(holders, person.Named{Name: "delivery", Holder: w.deliveries})
	}
	if w.meter != nil {
		holders = append(holders, person.Named{Name: "usage", Holder: w.meter})
	}
	if w.ledger != nil {
		holders = append(holders, person.Named{Name: "audit", Holder: audit.People{Service: w.ledger}})
	}
	holders = append(holders, person.Named{Name: "media", Holder: personMedia{w.state.media}})
	w.persons = person.New(person.Deps{Store: w.state.db, Holders: holders, Meet: known.Meet, Log: w.log})
	return w.persons.Service
}

// personMedia is person's view of the files.
type personMedia struct{ files *media.Store }

// personFile is a file in an export. Its content is fetched by its id.
type personFile struct {
	Type string        `json:"type"`
	File wit.MediaInfo `json:"file"`
}

func (m personMedia) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	for _, id := range p.Media {
		info, err := m.files.Stat(ctx, id)
		if wit.CodeOf(err) == wit.CodeNotFound {
			continue // it was kept for its time
		}
		if err == nil {
			err = yield(personFile{"file", info})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m personMedia) Forget(ctx context.Context, p message.Party) (n int, err error) {
	for _, id := range p.Media {
		switch err := m.files.Delete(ctx, id); {
		case wit.CodeOf(err) == wit.CodeNotFound:
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}
