package registry

import (
	"context"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// Source is a registry as the owner has configured it.
type Source struct {
	Name string
	// URL is the index's folder: https, http on this machine, or an absolute path. It has no slash at its end.
	URL string
	// Key is what its index has to be signed by.
	Key archive.Signer
}

// NewSource checks what the owner says of a registry. Errors: CodeInvalid.
func NewSource(name, address, key string) (Source, error) {
	s := Source{Name: name, URL: strings.TrimRight(address, "/")}
	var err error
	if s.Key, err = archive.ParseSigner(key); err != nil {
		return s, err
	}
	if filepath.IsAbs(address) {
		s.URL = filepath.Clean(address)
		return s, nil
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return s, wit.Errorf(wit.CodeInvalid, "%.200q is not where a registry can be: it is an https address such as https://plugins.example.org/stable, an http address of this machine, or a folder's absolute path", address)
	}
	return s, nil
}

// Folder returns the path of a registry on this machine, if it is one.
func (s Source) Folder() (string, bool) { return s.URL, filepath.IsAbs(s.URL) }

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Request asks for a file of a registry.
type Request struct {
	Source Source
	// File is below the index's folder, and Limit its greatest size in bytes.
	File  string
	Limit int64
	// Tag and Modified are those of the answer that is known already; empty where none is.
	Tag, Modified string
}

// Response is a file, or that it is Unchanged.
type Response struct {
	Data          []byte
	Tag, Modified string
	Unchanged     bool
}

// Fetcher reads files of registries. Errors: CodeTooLarge; CodeNotFound; CodeUnavailable, CodeTimeout and CodeForbidden
// where a registry cannot or may not be reached.
type Fetcher interface {
	Fetch(ctx context.Context, r Request) (*Response, error)
}
