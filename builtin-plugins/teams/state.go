package teams

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it, and
// hands it to sends.
type state struct {
	generation int64 // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64 // of requests in a row
	good       bool  // the last one went well
	name       string
	services   []string // addresses that activities came with, the first one first
	places     []place  // conversations at another address than the first
}

// place is where a conversation is that was heard of last.
type place struct {
	id      string
	service int64 // which of the addresses
}

// Bounds of what is remembered, well within the 64 KB that a state may have.
const (
	maxServices = 8
	maxPlaces   = 150
	maxService  = 300 // bytes of an address
	maxPlace    = 250 // bytes of a conversation's id
)

// readState reads what an earlier answer left, or nothing at an account's first start. Fields that another version knows
// are passed over, and those that it did not know are zero.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	s := state{generation: v.Get("generation").Int(), failures: v.Get("failures").Int(), good: v.Get("good").Bool(), name: v.Get("name").Text()}
	s.services = v.Get("services").Texts()
	for p := range v.Get("places").Items() {
		s.places = append(s.places, place{p.Get("id").Text(), p.Get("service").Int()})
	}
	return s, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{}
	o.AddInt("generation", s.generation)
	o.AddInt("failures", s.failures)
	o.AddTrue("good", s.good)
	o.AddText("name", s.name)
	o.AddTexts("services", s.services)
	json.AddList(&o, "places", s.places, func(p place) wit.JSON {
		return json.Object{}.Text("id", p.id).Int("service", p.service).JSON()
	})
	return o.JSON()
}

// heard remembers at which address a conversation is.
func (s *state) heard(conversation, service string) {
	if service == "" || len(service) > maxService || len(conversation) > maxPlace {
		return
	}
	n := slices.Index(s.services, service)
	if n < 0 {
		if len(s.services) == maxServices {
			return
		}
		s.services = append(s.services, service)
		n = len(s.services) - 1
	}
	known := slices.IndexFunc(s.places, func(p place) bool { return p.id == conversation })
	switch {
	case known >= 0 && s.places[known].service == int64(n) || known < 0 && n == 0:
		return
	case known >= 0:
		s.places = slices.Delete(slices.Clone(s.places), known, known+1)
	}
	if n == 0 {
		return
	}
	if s.places = append(slices.Clone(s.places), place{conversation, int64(n)}); len(s.places) > maxPlaces {
		s.places = s.places[1:]
	}
}

// service is the address at which a conversation is, the first one where it was never heard of; "" where none is known.
func (s *state) service(conversation string) string {
	for _, p := range s.places {
		if p.id == conversation && p.service >= 0 && p.service < int64(len(s.services)) {
			return s.services[p.service]
		}
	}
	if len(s.services) > 0 {
		return s.services[0]
	}
	return ""
}
