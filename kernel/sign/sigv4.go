package sign

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The names of AWS Signature Version 4, as "AWS Signature Version 4 for API requests" in the IAM User Guide has them.
const (
	sigv4Algorithm = "AWS4-HMAC-SHA256"
	sigv4End       = "aws4_request"
	sigv4Time      = "20060102T150405Z"
	storage        = "s3" // whose paths are escaped once, and which wants the body's digest in a header
)

// Header is a header of a request.
type Header struct{ Name, Value string }

// Request is what AWS Signature Version 4 signs of a request.
type Request struct {
	Method, Host string
	// Path is as it stands in the request, escaped.
	Path string
	// Query is as it stands in the request, without the question mark.
	Query   string
	Headers []Header
	// Digest is the body's SHA-256.
	Digest [sha256.Size]byte
}

// Keys are who signs, and where for.
type Keys struct {
	Access, Secret, Session string
	Region, Service         string
}

// SigV4 returns the headers that a request gets. All of its headers are signed but those that are on the way changed, or
// that the caller may not have set.
func SigV4(r Request, k Keys, now time.Time) []Header {
	at := now.UTC().Format(sigv4Time)
	digest := hex.EncodeToString(r.Digest[:])
	added := []Header{{"X-Amz-Date", at}}
	if k.Session != "" {
		added = append(added, Header{"X-Amz-Security-Token", k.Session})
	}
	if k.Service == storage {
		added = append(added, Header{"X-Amz-Content-Sha256", digest})
	}
	canonical, names := canonicalHeaders(append(append([]Header{{"Host", r.Host}}, r.Headers...), added...))
	scope := strings.Join([]string{at[:8], k.Region, k.Service, sigv4End}, "/")
	request := strings.Join([]string{r.Method, canonicalPath(r.Path, k.Service), canonicalQuery(r.Query), canonical, names, digest}, "\n")
	sum := sha256.Sum256([]byte(request))
	text := strings.Join([]string{sigv4Algorithm, at, scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + k.Secret)
	for _, part := range strings.Split(scope, "/") {
		key = step(key, part)
	}
	return append(added, Header{"Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%x", sigv4Algorithm, k.Access, scope, names, step(key, text))})
}

func step(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// canonicalHeaders writes headers by name in lower case, with the values of one name together in their order, and lists
// the names.
func canonicalHeaders(headers []Header) (lines, names string) {
	values := map[string][]string{}
	for _, h := range headers {
		name := strings.ToLower(h.Name)
		if name == "authorization" || name == "user-agent" || name == "x-amzn-trace-id" {
			continue
		}
		values[name] = append(values[name], strings.Join(strings.Fields(h.Value), " "))
	}
	var list []string
	for name := range values {
		list = append(list, name)
	}
	slices.Sort(list)
	for _, name := range list {
		lines += name + ":" + strings.Join(values[name], ",") + "\n"
	}
	return lines, strings.Join(list, ";")
}

// canonicalPath escapes a path that is escaped already once more, but not for storage.
func canonicalPath(path, service string) string {
	if path == "" {
		return "/"
	}
	if service == storage {
		return path
	}
	return escape(path, "/")
}

// canonicalQuery writes the parameters by name and value, each escaped in the one way that counts.
func canonicalQuery(query string) string {
	type parameter struct{ name, value string }
	var list []parameter
	for text := range strings.SplitSeq(query, "&") {
		if text == "" {
			continue
		}
		name, value, _ := strings.Cut(text, "=")
		list = append(list, parameter{escape(unescape(name), ""), escape(unescape(value), "")})
	}
	slices.SortFunc(list, func(a, b parameter) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.name + "=" + p.value
	}
	return strings.Join(texts, "&")
}

// unescape undoes the escapes of a query; what is none stays as it is.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// escape escapes all but letters, digits, - . _ ~ and what is in but.
func escape(s, but string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~"+but, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
