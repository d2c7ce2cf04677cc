// Command go-service is a plugin that watches a site in the background, and tells the gateway's clients when it goes down and
// comes back.
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/service"
	"github.com/carapace-gateway/carapace/wit"
)

// watcher keeps in memory what it knows: the instance that is started is the one that ticks, until it is stopped.
type watcher struct {
	url  string
	last string // what the site answered
}

// Start is called once, before anything else.
func (w *watcher) Start(_ *sdk.Host, start *wit.ServiceStart) (*wit.Done, error) {
	config, err := json.Parse(start.Config)
	w.url, w.last = config.Get("url").Text(), ""
	return nil, err
}

// Tick looks at the site. It is called as often as the manifest says.
func (w *watcher) Tick(host *sdk.Host, _ *wit.ServiceMoment) (*wit.Done, error) {
	now := "down"
	if response, err := host.HTTP(&wit.HTTPRequest{URL: w.url, Timeout: 5000}); err == nil && response.Error == nil {
		now = strconv.Itoa(int(response.Status))
	}
	if now == w.last {
		return nil, nil
	}
	w.last = now
	return nil, host.Emit("site", json.Object{}.Text("answers", now).JSON())
}

// Health says how the watcher is, which is not how the site is: one that is not well is started anew.
func (w *watcher) Health(*sdk.Host, *wit.ServiceMoment) (*wit.ServiceHealth, error) {
	return service.Well("the site answers " + w.last), nil
}

// Stop is called last. There is nothing that has to be kept.
func (w *watcher) Stop(*sdk.Host, *wit.ServiceStop) (*wit.Done, error) { return nil, nil }

func init() { service.Register("go-service", new(watcher)) }

func main() {}
