package host

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// configHost begins an entry of permissions.http.hosts that stands for a URL of the configuration.
const configHost = "config:"

// reach is what of the network a version of a plugin may have. Requests and connections ask it the same two
// questions: may this be made at all, and where may it go.
type reach struct {
	granted bool          // the permission http
	media   bool          // the permission media, which requests with files need too
	allow   egress.Policy // without the owner's origins
	fields  []string      // of the configuration, whose URLs are those origins
	config  configuration
	rate    *bucket // of all versions
}

func newReach(p Plugin, config configuration, rate *bucket) *reach {
	r := &reach{media: p.Permissions.Media != nil, allow: egress.Policy{Owner: p.ID, Plugin: true, Files: p.Permissions.Media != nil}, config: config, rate: rate}
	http := p.Permissions.HTTP
	if http == nil {
		return r
	}
	r.granted, r.allow.Methods, r.allow.Paths = true, http.Methods, http.Paths
	for _, name := range http.Hosts {
		if field, ok := strings.CutPrefix(name, configHost); ok {
			r.fields = append(r.fields, field)
		} else {
			r.allow.Hosts = append(r.allow.Hosts, name)
		}
	}
	return r
}

// admit says whether a request may be made now, and counts it. Errors: CodeForbidden without a permission that it
// needs, CodeRateLimited when the plugin asks too often.
//
// The permission is looked at here too, although a guest without it is linked to a refusal: the kernel makes
// requests for plugins that no guest asked for.
func (r *reach) admit(req *wit.HTTPRequest) error {
	if !r.granted {
		return forbidden(r.allow.Owner, "http")
	}
	withFile := req.Media != nil || len(req.Embed) > 0 || slices.ContainsFunc(req.Parts, func(p wit.HTTPPart) bool { return p.Media != nil })
	if withFile && !r.media {
		return wit.NewError(wit.CodeForbidden, "http: a request with a media file needs the permission media")
	}
	if wait := r.rate.take(); wait > 0 {
		return tooOften("http", wait)
	}
	return nil
}

// policy is what the manifest permits and, with it, the origins that the owner configured for an account. It is made
// for each request, so that a change of the configuration counts from the next one on.
func (r *reach) policy(account string) egress.Policy {
	p := r.allow
	for _, field := range r.fields {
		p.Origins = append(p.Origins, r.config.urls(account, field)...)
	}
	return p
}
