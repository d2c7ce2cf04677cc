package mcp

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// keepAlive is how often something is sent on a stream, so that what is in between sees that it is used. The tools are looked at then
// too: some come and go without an event.
const keepAlive = 25 * time.Second

// listChanged tells a program to ask for the list of tools again (Tools, List Changed Notification).
const listChanged = `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`

// listen answers to GET with the stream on which a session is told what it has not asked for: that the tools are others than those
// that it was told. A session has one stream; another one takes its place.
func (s *Service) listen(w http.ResponseWriter, r *http.Request) error {
	id := r.Header.Get(sessionHeader)
	if id == "" {
		return wit.NewError(wit.CodeInvalid, "a stream is that of a session, which begins by initialize: name it by the header "+sessionHeader)
	}
	v, err := s.sessions.enter(id)
	if err != nil {
		return err
	}
	defer s.sessions.leave(v, "")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(v.ctx, cancel)()
	s.sessions.listen(v, cancel)
	changed := make(chan struct{}, 1)
	defer s.Bus.Subscribe(func(e event.Event) {
		if e.Name == "plugins.changed" || e.Name == "config.changed" {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	})()
	s.stream(ctx, endpoint.NewStream(w), v, changed)
	return nil
}

// stream writes until the reader is gone, or ctx ends.
func (s *Service) stream(ctx context.Context, out *endpoint.Stream, v *visit, changed <-chan struct{}) {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		if s.sessions.told(v, s.print(v.key), false) {
			out.Comment()
		} else {
			out.Data("message", listChanged)
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
	}
}

// print is short for the tools that a conversation has now, never 0.
func (s *Service) print(key session.Key) uint64 {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode(s.Tools.List(key.Agent()))
	return h.Sum64() | 1
}
