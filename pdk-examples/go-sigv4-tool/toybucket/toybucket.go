// Package toybucket is an object store for tests that takes requests as S3 does, signed by AWS Signature Version 4:
//
//	PUT /notes/tea.txt     keeps the body under that path
//	GET /notes/tea.txt     → the body; 404 where there is none
//
// A signature that is wrong, or older than a quarter of an hour, is answered with 403.
package toybucket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The keys that the server knows, and where it is.
const (
	AccessKey = "AKIATOYTOYTOYTOY"
	SecretKey = "toy/secret/key"
	Region    = "eu-toy-1"
)

// Server is the store, and an http.Handler. Make it with New; it may be used concurrently.
type Server struct {
	// OnPut, where it is set, is told of each body that is kept, before that is answered.
	OnPut func(path string)

	mu      sync.Mutex
	objects map[string]string
}

// New returns an empty store.
func New() *Server { return &Server{objects: map[string]string{}} }

// ServeHTTP answers who has signed the request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case !signed(r, body):
		http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
	case r.Method == http.MethodPut:
		s.mu.Lock()
		s.objects[r.URL.Path] = string(body)
		s.mu.Unlock()
		if s.OnPut != nil {
			s.OnPut(r.URL.Path)
		}
	case r.Method == http.MethodGet:
		s.mu.Lock()
		text, ok := s.objects[r.URL.Path]
		s.mu.Unlock()
		if !ok {
			http.Error(w, "NoSuchKey", http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, text)
	default:
		http.Error(w, "MethodNotAllowed", http.StatusMethodNotAllowed)
	}
}

// signed reports whether the request's Authorization is the one that it has to be:
//
//	AWS4-HMAC-SHA256 Credential=ID/20261130/eu-toy-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=…
func signed(r *http.Request, body []byte) bool {
	given := r.Header.Get("Authorization")
	_, names, _ := strings.Cut(given, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	at := r.Header.Get("X-Amz-Date")
	when, err := time.Parse("20060102T150405Z", at)
	if err != nil || time.Since(when).Abs() > 15*time.Minute || r.Header.Get("X-Amz-Content-Sha256") != sum(body) {
		return false
	}
	scope := at[:8] + "/" + Region + "/s3/aws4_request"
	want := "AWS4-HMAC-SHA256 Credential=" + AccessKey + "/" + scope + ", SignedHeaders=" + names + ", Signature=" + signature(r, names, at, scope, sum(body))
	return hmac.Equal([]byte(given), []byte(want))
}

func signature(r *http.Request, names, at, scope, digest string) string {
	headers := ""
	for name := range strings.SplitSeq(names, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers += name + ":" + value + "\n"
	}
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, headers, names, digest}, "\n")
	key := []byte("AWS4" + SecretKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+sum([]byte(request))))
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
