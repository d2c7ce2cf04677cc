package channel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// outlet is where frames go, for one opening of a connection. Its writer takes those of answers and those of sends.
type outlet struct {
	frames  <-chan wit.Frame
	taken   chan struct{} // hears that frames were, one at least since it was listened to
	parcels chan parcel
	broken  <-chan struct{} // closed when nothing is written any more
	ended   chan struct{}   // closed when, besides, all that came before the end was handled
}

// parcel is the frames of a send that go to one connection. They are written without others between them.
type parcel struct {
	frames []wit.Frame
	done   chan error // hears once what came of one that was taken
}

// write hands frames to the outlet's writer and waits until they are written. Errors: CodeUnavailable when none of
// them was; the connection's, when it does not write such frames; CodeTimeout when some may have been.
func (o *outlet) write(ctx context.Context, frames []wit.Frame) error {
	p := parcel{frames, make(chan error, 1)}
	select {
	case <-o.broken: // also where the writer would take one more
		return errNotOpen(frames[0].Connection)
	default:
	}
	select {
	case o.parcels <- p:
	case <-o.broken:
		return errNotOpen(frames[0].Connection)
	case <-ctx.Done():
		return wit.Errorf(wit.CodeUnavailable, "connection %.80q takes no frames", frames[0].Connection)
	}
	select {
	case err := <-p.done:
		if err == nil || refused(err) {
			return err
		}
		return wit.Errorf(wit.CodeTimeout, "the connection broke while the message was written, which may have arrived: %w", err)
	case <-ctx.Done():
		return wit.NewError(wit.CodeTimeout, "the message was not written in time, and may have arrived")
	}
}

func errNotOpen(connection string) error {
	return wit.Errorf(wit.CodeUnavailable, "connection %.80q is not open, or not as it was", connection)
}

// Link is an account as a send finds it: what its plugin has left, and its connections, at one moment. It may be
// kept, and used concurrently.
type Link struct {
	parts
	id   message.Account
	view *view
}

// Link returns an account as it is now. Errors: CodeUnavailable where there is none.
func (s *Service) Link(channel, account string) (*Link, error) {
	a, err := s.roster.find(channel, account)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	return &Link{s.parts, a.id, a.view.Load()}, nil
}

// State is what the account's next event gets, in the form of the plugin's present version. Errors: CodeUnavailable.
func (k *Link) State(ctx context.Context) (wit.JSON, error) {
	kept, err := k.view.state, error(nil)
	if !kept.loaded {
		if kept.state, err = k.inbox.State(ctx, k.id); err != nil {
			return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
		}
	}
	p, ok := k.plugins.Channel(k.id.Channel)
	if !ok {
		return nil, wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", k.id.Channel)
	}
	now, err := migrate(ctx, p, k.id, kept.state)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	return now.State, nil
}

// Write writes frames on the account's connections, in order, and returns when that is done. The connections have to
// be open, and those of the link's moment: what its state says of them is out of date otherwise. ended is closed when
// the connection of the last frame has ended and what came on it was handled; it is nil without frames.
//
// Errors: CodeUnavailable when nothing was written; the connection's for frames that it does not write; CodeTimeout
// when some may have been.
func (k *Link) Write(ctx context.Context, frames []wit.Frame) (ended <-chan struct{}, err error) {
	for _, f := range frames {
		if k.view.outlets[f.Connection] == nil {
			return nil, errNotOpen(f.Connection)
		}
	}
	for begun := false; len(frames) > 0; begun = true {
		n := 1
		for n < len(frames) && frames[n].Connection == frames[0].Connection {
			n++
		}
		o := k.view.outlets[frames[0].Connection]
		err := o.write(ctx, frames[:n])
		if begun && wit.CodeOf(err) == wit.CodeUnavailable {
			err = wit.Errorf(wit.CodeTimeout, "a part of the message was written, and may have arrived: %w", err)
		}
		if err != nil {
			return nil, err
		}
		ended, frames = o.ended, frames[n:]
	}
	return ended, nil
}
