package visitor

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

// aliveEvery is how often a stream says that it goes on, and looks whether it has missed something.
const aliveEvery = 20 * time.Second

// stream sends a visit what is pushed to it, first all that the browser does not have, until the token's time is over, the browser is gone or does
// not read, or the gateway stops.
//
//	event: kept    data: {"seq":…,"order":…,"at":…,"key":…,"data":…}
//	event: live    data: {"data":…}
//	event: reset   what the browser has is not of this visit any more: it forgets all of it
//	event: ready   data: {"seq":…}, once all that was kept has been sent
func (s *Service) stream(w http.ResponseWriter, r *http.Request, p *place, v visit, until time.Time) error {
	address := s.Address(r)
	if err := s.limits.take(of("load", address), loadsOfAddress); err != nil {
		return err
	}
	leave, err := s.limits.enter(share{"stream " + v.key(), streamsOfVisitor}, share{of("stream", address), streamsOfAddress},
		share{"streams " + p.channel + "/" + p.account, p.most})
	if err != nil {
		return err
	}
	defer leave()
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil && r.URL.Query().Has("after") || after < 0 {
		return wit.NewError(wit.CodeInvalid, "after is no number")
	}
	s.limits.stream(1)
	defer s.limits.stream(-1)
	l, left := s.Visits.listen(v.key())
	defer left()
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every writer can
	f := &feed{service: s, visit: v, listener: l, out: endpoint.NewStream(w), after: after}
	f.run(r, until)
	return nil
}

// feed is one stream while it is written.
type feed struct {
	service  *Service
	visit    visit
	listener *listener
	out      *endpoint.Stream
	after    int64
	ready    bool
}

func (f *feed) run(r *http.Request, until time.Time) {
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	over := time.NewTimer(time.Until(until))
	defer over.Stop()
	for {
		select {
		case <-f.listener.news:
			if !f.news(r) {
				return
			}
		case data := <-f.listener.live:
			f.out.Data("live", `{"data":`+data+`}`)
		case <-alive.C:
			f.out.Comment()
			if !f.news(r) {
				return
			}
		case <-over.C:
			return
		case <-f.service.Ending():
			return
		case <-r.Context().Done():
			return
		}
		if f.out.Flush() != nil {
			return
		}
	}
}

// shown is something kept, as the browser gets it.
type shown struct {
	Seq   int64           `json:"seq"`
	Order int64           `json:"order"`
	At    int64           `json:"at"`
	Key   string          `json:"key"`
	Data  json.RawMessage `json:"data"`
}

// news sends what the browser does not have; false where the stream is to end.
func (f *feed) news(r *http.Request) bool {
	list, to, fresh, err := f.service.Visits.since(r.Context(), f.visit.key(), f.after)
	if err != nil {
		if r.Context().Err() == nil && err != error(errOver) {
			f.service.log.Warn("a visit cannot be read", "error", err)
		}
		return false
	}
	if fresh {
		f.out.Data("reset", "{}")
	}
	for i, e := range list {
		f.out.Event("kept", shown{e.Seq, e.Order, e.At, e.Key, e.Data})
		if i%32 == 31 && f.out.Flush() != nil {
			return false
		}
	}
	f.after = to
	if !f.ready {
		f.ready = true
		f.out.Data("ready", `{"seq":`+strconv.FormatInt(to, 10)+`}`)
	}
	return true
}
