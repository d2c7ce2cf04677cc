package googlechat

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	api     string // with a slash at its end
	project string
}

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	v := json.Value{}
	if len(config) > 0 {
		var err error
		if v, err = json.Parse(config); err != nil {
			return settings{}, err
		}
	}
	root := v.Get("apiRoot").Text()
	if root == "" {
		root = "https://chat.googleapis.com"
	}
	return settings{api: strings.TrimRight(root, "/") + "/", project: v.Get("projectNumber").Text()}, nil
}

// state is what an account carries from event to event.
type state struct {
	generation int64 // counts starts; the answer to what was asked in an earlier one is ignored
	failures   int64 // of requests in a row
	good       bool  // the last one went well
}

// readState reads what an earlier answer left, or nothing at an account's first start.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	return state{v.Get("generation").Int(), v.Get("failures").Int(), v.Get("good").Bool()}, nil
}

// json returns the state as it is stored: what is zero is left out.
func (s *state) json() wit.JSON {
	o := json.Sparse{}
	o.AddInt("generation", s.generation)
	o.AddInt("failures", s.failures)
	o.AddTrue("good", s.good)
	return o.JSON()
}
