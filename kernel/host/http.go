package host

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// configHost begins an entry of permissions.http.hosts that stands for a URL of the configuration.
const configHost = "config:"

// Request is Do as the running export may use it: not at all while it is pure, and for its account.
func (g *Guest) Request(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	call := CallOf(ctx)
	if f := wit.Export(call.Export); f != nil && f.Pure {
		return nil, wit.Errorf(wit.CodeForbidden, "http: %s may not make requests: return them in the answer", call.Export)
	}
	if err := g.used.enter(ctx); err != nil {
		return nil, err
	}
	defer g.used.leave()
	return g.Do(ctx, call.Account, req)
}

func (g *Guest) httpRequest(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return g.Request(ctx, req)
}

// Do makes a request under the plugin's permission, with the credentials of an account ("" is the
// plugin itself). Errors are those of egress.Client.Do, and CodeRateLimited.
func (g *Guest) Do(ctx context.Context, account string, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	if err := g.mayRequest(req); err != nil {
		return nil, err
	}
	return g.host.deps.Egress.Do(ctx, g.policy(account), g.Credentials(ctx, account), req)
}

// Stream is Do for a response that is read as it comes.
func (g *Guest) Stream(ctx context.Context, account string, req *wit.HTTPRequest) (*egress.Response, error) {
	if err := g.mayRequest(req); err != nil {
		return nil, err
	}
	return g.host.deps.Egress.Stream(ctx, g.policy(account), g.Credentials(ctx, account), req)
}

func (g *Guest) mayRequest(req *wit.HTTPRequest) error {
	if g.Permissions.HTTP == nil {
		return wit.NewError(wit.CodeForbidden, "permission http is not granted: the manifest's permissions would have to name it, with a reason")
	}
	if len(req.Embed) > 0 && g.Permissions.Media == nil {
		return wit.NewError(wit.CodeForbidden, "http: a request that embeds a media file needs the permission media")
	}
	for _, part := range req.Parts {
		if part.Media != nil && g.Permissions.Media == nil {
			return wit.NewError(wit.CodeForbidden, "http: a request with a media file needs the permission media")
		}
	}
	if wait := g.used.http.take(); wait > 0 {
		return tooOften("http", wait)
	}
	return nil
}

// policy adds the owner's origins to what the manifest permits.
func (g *Guest) policy(account string) egress.Policy {
	p := g.allow
	for _, host := range g.Permissions.HTTP.Hosts {
		field, ok := strings.CutPrefix(host, configHost)
		if !ok {
			continue
		}
		if url := g.configured(account, field); url != "" {
			p.Origins = append(p.Origins, url)
		}
	}
	return p
}

// configured returns the URL in a field of the account's configuration, or of the plugin's.
func (g *Guest) configured(account, field string) string {
	sections := []string{account, ""}
	if account == "" {
		sections = sections[1:]
	}
	for _, section := range sections {
		config, err := g.Config(section)
		if err != nil {
			continue
		}
		var fields map[string]json.RawMessage
		var url string
		if json.Unmarshal(config, &fields) != nil || json.Unmarshal(fields[field], &url) != nil || url == "" {
			continue
		}
		if !strings.Contains(url, "://") {
			url = "https://" + url
		}
		return url
	}
	return ""
}
