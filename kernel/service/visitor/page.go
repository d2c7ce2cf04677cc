package visitor

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

// parts keeps the files of pages, of one version of each plugin.
type parts struct {
	mu    sync.Mutex
	pages map[string]*given // by channel
}

// given is what one version of a plugin has given.
type given struct {
	build string
	files map[string]file
}

// file is one file of a page.
type file struct{ text, tag string }

func newParts() *parts { return &parts{pages: map[string]*given{}} }

// get returns a file of a page. Errors: the plugin's.
func (k *parts) get(ctx context.Context, id string, p Plugin, name string) (file, error) {
	build := p.Build()
	k.mu.Lock()
	if g := k.pages[id]; g != nil && g.build == build {
		if f, ok := g.files[name]; ok {
			k.mu.Unlock()
			return f, nil
		}
	}
	k.mu.Unlock()
	answer, err := p.Page(ctx, &wit.PageQuery{Name: name})
	if err != nil {
		return file{}, err
	}
	f := file{answer.Text, `"` + digest(answer.Text)[:32] + `"`}
	if p.Build() != build {
		return f, nil // nobody knows which of them has given it
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if g := k.pages[id]; g == nil || g.build != build {
		k.pages[id] = &given{build, map[string]file{}}
	}
	k.pages[id].files[name] = f
	return f, nil
}

// part finds a file of the page among those that the manifest names.
func (p *place) part(name string) (*wit.PagePart, bool) {
	for i := range p.facts.Files {
		if p.facts.Files[i].Name == name {
			return &p.facts.Files[i], true
		}
	}
	return nil, false
}

// serveFile answers with a file of the page.
func (s *Service) serveFile(w http.ResponseWriter, r *http.Request, p *place, name string) error {
	part, ok := p.part(name)
	if !ok {
		return wit.NewError(wit.CodeNotFound, "not found")
	}
	if !endpoint.Allows(w, r, http.MethodGet, http.MethodHead) {
		return nil
	}
	if err := s.limits.take(of("load", s.Address(r)), loadsOfAddress); err != nil {
		return err
	}
	f, err := s.parts.get(r.Context(), p.channel, p.plugin, name)
	if err != nil {
		s.log.Warn("a plugin does not give its page", "channel", p.channel, "file", name, "error", err)
		return wit.NewError(wit.CodeUnavailable, "the page is not there now: try again later")
	}
	h := w.Header()
	h.Set("Content-Type", part.Mime+"; charset=utf-8")
	h.Set("Content-Security-Policy", policy(p.origins))
	h.Del("X-Frame-Options") // the policy says it, and can name who may
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.tag)
	if part.Embeds {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write([]byte(f.text)) // the browser may be gone
	}
	return nil
}

// policy lets a page run and show what is its own, and nothing of anybody else; blob: is for files that it has loaded with its token.
// Markup that is not the page's own can be made by one policy of its script only.
func policy(origins []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src blob:; " +
		"form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types page; " +
		"frame-ancestors " + strings.Join(append([]string{"'self'"}, origins...), " ")
}
