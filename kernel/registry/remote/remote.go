// Package remote reads files of registries, from web servers through the kernel's egress or from folders of this machine.
//
// It believes nothing of what comes and bounds it; what is in it is for others to check. It is safe for concurrent use.
package remote

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/wit"
)

// Remote is a registry.Fetcher.
type Remote struct{ network *egress.Client }

// New returns a Remote that reaches servers through network.
func New(network *egress.Client) *Remote { return &Remote{network} }

// Fetch implements registry.Fetcher. The address that the owner has configured may be on a private network; what it redirects to
// may not, and has to be of the same host.
func (r *Remote) Fetch(ctx context.Context, ask registry.Request) (*registry.Response, error) {
	if dir, ok := ask.Source.Folder(); ok {
		return read(dir, ask)
	}
	u, err := url.Parse(ask.Source.URL)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the address of the registry cannot be read: %w", err)
	}
	policy := egress.Policy{Owner: "registry " + ask.Source.Name, Methods: []string{http.MethodGet}, Hosts: []string{u.Host}, Origins: []string{ask.Source.URL}}
	request := &wit.HTTPRequest{URL: ask.Source.URL + "/" + ask.File}
	for _, h := range []wit.Header{{Name: "If-None-Match", Value: ask.Tag}, {Name: "If-Modified-Since", Value: ask.Modified}} {
		if h.Value != "" {
			request.Headers = append(request.Headers, h)
		}
	}
	answer, err := r.network.Stream(ctx, policy, nil, request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.Status {
	case http.StatusOK:
	case http.StatusNotModified:
		return &registry.Response{Unchanged: true, Tag: ask.Tag, Modified: ask.Modified}, nil
	case http.StatusNotFound, http.StatusGone:
		return nil, wit.Errorf(wit.CodeNotFound, "%s has no %s", ask.Source.URL, ask.File)
	default:
		return nil, wit.Errorf(wit.CodeUnavailable, "%s answers %d where %s should be", ask.Source.URL, answer.Status, ask.File)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, ask.Limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > ask.Limit {
		return nil, wit.Errorf(wit.CodeTooLarge, "%s has more than %d bytes, which is all that is read", ask.File, ask.Limit)
	}
	return &registry.Response{Data: data, Tag: header(answer.Headers, "Etag"), Modified: modified(answer.Headers)}, nil
}

// modified is when the answer was last changed, if that tells it from later ones: the time is in whole seconds, and what was
// changed in that of the answer may be changed in it once more (RFC 9110, 8.8.2.2).
func modified(list []wit.Header) string {
	text := header(list, "Last-Modified")
	at, err := http.ParseTime(text)
	now, undated := http.ParseTime(header(list, "Date"))
	if err != nil || undated != nil || now.Sub(at) < 2*time.Second {
		return ""
	}
	return text
}

// maxTag bounds what a server calls an answer, which is kept.
const maxTag = 1000

func header(list []wit.Header, name string) string {
	for _, h := range list {
		if strings.EqualFold(h.Name, name) && len(h.Value) <= maxTag {
			return h.Value
		}
	}
	return ""
}

// read reads a file of a folder.
func read(dir string, ask registry.Request) (*registry.Response, error) {
	data, err := file.Read(filepath.Join(dir, filepath.FromSlash(ask.File)), ask.Limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, wit.Errorf(wit.CodeNotFound, "%s has no %s", dir, ask.File)
	case err != nil && wit.CodeOf(err) == wit.CodeInternal:
		return nil, wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", ask.File, err)
	}
	return &registry.Response{Data: data}, err
}
