package media

import (
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	files "github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// patience is how long a client may take for a piece of what is sent to it, or for a piece of what it sends.
const patience = 30 * time.Second

// handler answers with the error of a request that fails before anything was answered.
func (s *Service) handler(answer func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := answer(w, r)
		if err == nil {
			return
		}
		e := endpoint.Said(err)
		if e.Code == wit.CodeInternal {
			s.log.Error("request failed", "error", err)
		}
		endpoint.Write(w, endpoint.Status(w.Header(), e), map[string]any{"error": map[string]string{"type": string(e.Code), "message": e.Message}})
	})
}

// serve answers with a file, or with a small picture of it.
func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	id := strings.TrimPrefix(r.URL.Path, "/media/")
	q := r.URL.Query()
	if err := s.mayRead(r, id); err != nil {
		return err
	}
	if !endpoint.Allows(w, r, http.MethodGet, http.MethodHead) {
		return nil
	}
	ctx := r.Context()
	read, f, err := s.Store.Content(ctx, id)
	if err == nil && q.Has("thumb") {
		_ = read.Close()
		read, f, err = s.thumb(ctx, f, q.Get("thumb"))
	}
	if err != nil {
		return err
	}
	defer read.Close()
	describe(w.Header(), f, q.Has("download"))
	http.ServeContent(&patient{w, http.NewResponseController(w)}, r, "", time.Time{}, read)
	return nil
}

// Serve answers with a file, whole or in ranges, to who may read it. Errors: CodeNotFound; CodeUnavailable.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, id string) error {
	read, f, err := s.Store.Content(r.Context(), id)
	if err != nil {
		return err
	}
	defer read.Close()
	describe(w.Header(), f, false)
	http.ServeContent(&patient{w, http.NewResponseController(w)}, r, "", time.Time{}, read)
	return nil
}

// mayRead decides by the link's signature, if there is one, and else by the token.
func (s *Service) mayRead(r *http.Request, id string) error {
	if q := r.URL.Query(); q.Has("sig") {
		return s.Links.check(id, q)
	}
	_, err := s.Admit(r, wire.ScopeRead)
	return err
}

// describe says what a file is, so that a browser shows pictures and plays sounds, and takes nothing for a page, a script or a
// style. The content of a file never changes, and its id is the tag by which caches know it.
func describe(h http.Header, f files.File, download bool) {
	kind, inline := display(f.Mime)
	if download {
		inline = false
	}
	disposition, params := "attachment", map[string]string{}
	if inline {
		disposition = "inline"
	}
	if f.Name != "" {
		params["filename"] = f.Name
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, params))
	h.Set("ETag", `"`+f.ID+`"`)
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
}

// display is the type under which a file is sent, and whether it is shown in place.
func display(mimeType string) (kind string, inline bool) {
	shown := []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "application/ogg"}
	kept := []string{"application/pdf", "application/zip", "application/gzip", "application/json", "text/csv", "text/markdown", "text/calendar"}
	switch family := files.Family(mimeType); {
	case slices.Contains(shown, mimeType), family == "audio", family == "video":
		return mimeType, true
	case mimeType == "text/plain":
		return "text/plain; charset=utf-8", true
	case slices.Contains(kept, mimeType):
		return mimeType, false
	}
	return "application/octet-stream", false
}

// patient is an answer that ends when its reader has not taken a piece of it for a while.
type patient struct {
	http.ResponseWriter
	ctl *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.ctl.SetWriteDeadline(time.Now().Add(patience)) // not every writer can
	return p.ResponseWriter.Write(b)
}

// upload keeps the body of a request, or the first file of a form.
func (s *Service) upload(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.Admit(r, wire.ScopeWrite)
	if err != nil || !endpoint.Allows(w, r, http.MethodPost) {
		return err
	}
	ctx := rpc.WithCaller(r.Context(), caller)
	done, err := s.begin(asker(ctx), s.uploads, "uploads")
	if err != nil {
		return err
	}
	defer done()
	if most := s.Store.Limits().MaxFile; r.ContentLength > most+formBytes {
		return wit.Errorf(wit.CodeTooLarge, "the file may have %d bytes", most)
	}
	in, err := body(w, r)
	if err != nil {
		return err
	}
	f, err := s.keep(ctx, in)
	if err != nil {
		return err
	}
	out := s.shown(f)
	w.Header().Set("Location", "/media/"+f.ID)
	endpoint.Write(w, http.StatusCreated, out)
	return nil
}
