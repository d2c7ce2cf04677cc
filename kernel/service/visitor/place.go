package visitor

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// place is the page of one account, as it is configured now.
type place struct {
	channel, account string
	plugin           Plugin
	facts            *wit.VisitorFacts
	origins          []string // of other sites that may show and call it
	most, rate       int
}

// taken are the first parts of the gateway's own addresses, which no page can have.
func taken() []string {
	return []string{"plugins", "media", "v1", "ws", "health", "healthz", "ready", "readyz", "metrics", "hooks", "tools", "mcp", "control", "api", "assets"}
}

// page finds the channel whose page has a path.
func (s *Service) page(path string) (id string, p Plugin, ok bool) {
	if path == "" || slices.Contains(taken(), path) {
		return "", nil, false
	}
	for _, id := range slices.Sorted(slices.Values(s.Plugins.Channels())) {
		p, ok := s.Plugins.Channel(id)
		if ok && p.Facts().Visitors != nil && p.Facts().Visitors.Path == path {
			return id, p, true
		}
	}
	return "", nil, false
}

// takes reports whether a request is for a page.
func (s *Service) takes(r *http.Request) bool {
	path, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	_, _, ok := s.page(path)
	return ok
}

// find returns the page that a request is for, and what of its path is below it; false where there is none.
func (s *Service) find(r *http.Request) (p *place, below string, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	id, plugin, ok := s.page(parts[0])
	if !ok || len(parts) < 2 {
		return nil, "", false
	}
	config, ok := s.Accounts.Config(id, parts[1])
	if !ok {
		return nil, "", false
	}
	facts := plugin.Facts().Visitors
	p = &place{channel: id, account: parts[1], plugin: plugin, facts: facts, most: usualMost, rate: usualRate}
	p.read(config)
	return p, strings.Join(parts[2:], ""), true
}

// read takes what the owner has configured. What is not of the right kind is as if it were not there.
func (p *place) read(config wit.JSON) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(config, &fields) // there may be none
	number := func(name *string, into *int) {
		var n int
		if name != nil && json.Unmarshal(fields[*name], &n) == nil && n > 0 {
			*into = n
		}
	}
	number(p.facts.Most, &p.most)
	number(p.facts.Rate, &p.rate)
	if p.facts.Origins == nil {
		return
	}
	var list []string
	_ = json.Unmarshal(fields[*p.facts.Origins], &list)
	for _, o := range list {
		if o = origin(o); o != "" && len(p.origins) < 64 {
			p.origins = append(p.origins, o)
		}
	}
}

// origin writes an origin as browsers do, or returns "" for what is none.
func origin(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(u.Host, "*;, '\"") {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// admits decides about the page that makes a request: one of the gateway's own, or of a site that the owner lists, which is answered so that
// its browser lets it read the answer. What is no browser says nothing of a page.
func (p *place) admits(w http.ResponseWriter, r *http.Request) error {
	from := r.Header.Get("Origin")
	if from == "" {
		return nil
	}
	u, err := url.Parse(from)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	w.Header().Add("Vary", "Origin")
	if o := origin(from); o == "" || !slices.Contains(p.origins, o) {
		return wit.NewError(wit.CodeForbidden, "a page of another site may not do this: the owner of the gateway has to list its origin")
	}
	w.Header().Set("Access-Control-Allow-Origin", from)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
	return nil
}
