package media

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	files "github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/wit"
)

// fetchTime is how long a fetch may take that does not say.
const fetchTime = 30 * time.Second

// FetchURL keeps a file of the web that has one of the types, and returns its id and type. Errors: CodeForbidden for what is not on
// a public address; CodeTooLarge; CodeInvalid for another type; CodeNotFound and CodeUnavailable when the server does not give
// it; CodeTimeout.
func (s *Service) FetchURL(ctx context.Context, address string, most int64, types ...string) (id, mimeType string, err error) {
	f, err := s.fetch(ctx, FetchParams{URL: address, MaxBytes: most, Types: types})
	return f.ID, f.Mime, err
}

func (s *Service) fetch(ctx context.Context, p FetchParams) (files.File, error) {
	done, err := s.begin(asker(ctx), s.fetches, "fetches")
	if err != nil {
		return files.File{}, err
	}
	defer done()
	timeout := fetchTime
	if p.TimeoutMs > 0 {
		timeout = time.Duration(p.TimeoutMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Every hop of a redirect has to be permitted like the first one.
	policy := egress.Policy{Owner: "media", Public: true, Methods: []string{http.MethodGet}}
	res, err := s.Network.Stream(ctx, policy, noCredential, &wit.HTTPRequest{URL: p.URL})
	if err != nil {
		return files.File{}, err
	}
	defer res.Body.Close()
	if res.Status != http.StatusOK {
		return files.File{}, refusal(res.Status)
	}
	most := s.Store.Limits().MaxFile
	if p.MaxBytes > 0 {
		most = min(most, p.MaxBytes)
	}
	if n, err := strconv.ParseInt(header(res, "Content-Length"), 10, 64); err == nil && n > most {
		return files.File{}, wit.Errorf(wit.CodeTooLarge, "the file has %d bytes, and %d are taken", n, most)
	}
	return s.keep(ctx, incoming{mime: header(res, "Content-Type"), name: nameOf(p, res), body: res.Body, most: most, types: p.Types})
}

func noCredential(string) (string, error) {
	return "", wit.NewError(wit.CodeForbidden, "no credential is sent with a fetch")
}

// refusal says that a server did not give a file, and whether it may do so later.
func refusal(status int) error {
	if status == http.StatusTooManyRequests || status >= 500 {
		return wit.Errorf(wit.CodeUnavailable, "the server answered %d instead of the file: try again later", status)
	}
	return wit.Errorf(wit.CodeNotFound, "the server answered %d instead of the file", status)
}

func header(res *egress.Response, name string) string {
	for _, h := range res.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// nameOf is what a fetched file is called.
func nameOf(p FetchParams, res *egress.Response) string {
	if p.Name != "" {
		return p.Name
	}
	if _, params, err := mime.ParseMediaType(header(res, "Content-Disposition")); err == nil && params["filename"] != "" {
		return params["filename"]
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Path == "" {
		return ""
	}
	return path.Base(u.Path)
}
