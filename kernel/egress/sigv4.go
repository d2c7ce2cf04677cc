package egress

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/sign"
	"github.com/carapace-gateway/carapace/wit"
)

// sigv4 signs the message as it will be sent. A body with media files is read once for its digest, and once more when
// it is sent. A redirect to another host loses the signature, and one to another path of the same makes it wrong.
func (m *message) sigv4(ctx context.Context, f *filler, s *wit.SigV4) error {
	keys := sign.Keys{Region: s.Region, Service: s.Service}
	for _, k := range []struct {
		into *string
		name *string
	}{{&keys.Access, &s.AccessKey}, {&keys.Secret, &s.SecretKey}, {&keys.Session, s.SessionToken}} {
		if k.name == nil {
			continue
		}
		value, err := f.get(*k.name)
		if err != nil {
			return err
		}
		*k.into = strings.TrimSpace(value)
	}
	r := sign.Request{Method: m.method, Host: m.url.Host, Path: m.url.EscapedPath(), Query: m.url.RawQuery}
	var err error
	if r.Digest, err = m.body.digest(ctx); err != nil {
		return err
	}
	if m.body != nil && m.body.contentType != "" {
		r.Headers = append(r.Headers, sign.Header{Name: "Content-Type", Value: m.body.contentType})
	}
	for _, h := range m.headers {
		switch {
		case h.name == "Authorization" || strings.HasPrefix(h.name, "X-Amz-") && isAdded(h.name):
			return wit.Errorf(wit.CodeInvalid, "http: the header %s of a request that is signed is the kernel's: leave it out", h.name)
		case h.name == "Content-Type" && m.body != nil && m.body.contentType != "": // multipart has its own
		default:
			r.Headers = append(r.Headers, sign.Header{Name: h.name, Value: h.value})
		}
	}
	for _, h := range sign.SigV4(r, keys, time.Now()) {
		m.headers = append(m.headers, headerLine{h.Name, h.Value, true})
	}
	return nil
}

// isAdded reports whether a header is one that a signature brings along.
func isAdded(name string) bool {
	switch name {
	case "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256":
		return true
	}
	return false
}

// digest is the SHA-256 of what is sent.
func (b *body) digest(ctx context.Context) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if b != nil {
		r, err := b.open(ctx)
		if err != nil {
			return sum, err
		}
		defer r.Close()
		if _, err := io.Copy(h, r); err != nil {
			return sum, wit.Errorf(wit.CodeUnavailable, "http: a file that the request sends cannot be read: %w", err)
		}
	}
	h.Sum(sum[:0])
	return sum, nil
}
