package oci_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/wit"
)

// The registry server of others is in .ci/oci; what it would never do is done here.

const manifestType = "application/vnd.oci.image.manifest.v1+json"

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// manifest is an artifact's with layers of this type.
func manifest(layers ...string) []byte {
	return []byte(`{"schemaVersion":2,"mediaType":"` + manifestType + `","artifactType":"` + oci.ArtifactType + `","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` +
		digest([]byte("{}")) + `","size":2},"layers":[` + strings.Join(layers, ",") + `]}`)
}

func layer(kind string, size int, sum string) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, kind, sum, size)
}

// serve answers for a manifest and a blob.
func serve(t *testing.T, text, blob []byte) (host string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/p/w/manifests/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", digest(text))
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		_, _ = w.Write(text)
	})
	mux.HandleFunc("/v2/p/w/blobs/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(blob) })
	mux.HandleFunc("/v2/moved/manifests/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/v2/p/w/manifests/1", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/v2/locked/manifests/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://127.0.0.1:1/token",service="s"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func fetch(t *testing.T, reference string) (*oci.Artifact, error) {
	t.Helper()
	network := egress.New(egress.Config{})
	defer network.Close()
	return oci.New(network, nil).Fetch(t.Context(), reference, 1000)
}

// TestHostileRegistry: what is not what it is said to be, or more than is read, is refused.
func TestHostileRegistry(t *testing.T) {
	blob := []byte("an archive")
	good := layer(oci.LayerType, len(blob), digest(blob))
	if a, err := fetch(t, "oci://"+serve(t, manifest(layer("text/plain", 1, digest(nil)), good), blob)+"/p/w:1"); err != nil || !bytes.Equal(a.Data, blob) {
		t.Fatalf("%+v, %v", a, err)
	}
	for name, c := range map[string]struct {
		manifest, blob []byte
		reference      string
		code           wit.Code
	}{
		"another blob":      {manifest(good), []byte("an Archive"), "/p/w:1", wit.CodeForbidden},
		"a longer blob":     {manifest(good), append(blob[:len(blob):len(blob)], '!'), "/p/w:1", wit.CodeUnavailable},
		"another manifest":  {manifest(good), blob, "/p/w@" + digest(blob), wit.CodeUnavailable},
		"a large blob":      {manifest(layer(oci.LayerType, 1001, digest(blob))), blob, "/p/w:1", wit.CodeTooLarge},
		"a blob below none": {manifest(layer(oci.LayerType, -1, digest(blob))), blob, "/p/w:1", wit.CodeInvalid},
		"no digest":         {manifest(layer(oci.LayerType, len(blob), "../../etc")), blob, "/p/w:1", wit.CodeInvalid},
		"no archive":        {manifest(layer("text/plain", len(blob), digest(blob))), blob, "/p/w:1", wit.CodeInvalid},
		"two archives":      {manifest(good, good), blob, "/p/w:1", wit.CodeInvalid},
		"no manifest":       {[]byte("[]"), blob, "/p/w:1", wit.CodeInvalid},
		"an endless one":    {make([]byte, 5<<20), blob, "/p/w:1", wit.CodeTooLarge},
		"another address":   {manifest(good), blob, "/moved:1", wit.CodeForbidden},
		"a token elsewhere": {manifest(good), blob, "/locked:1", wit.CodeForbidden},
		"no tag":            {manifest(good), blob, "/p/w", wit.CodeInvalid},
		"no such":           {manifest(good), blob, "/p/none:1", wit.CodeNotFound},
	} {
		if a, err := fetch(t, "oci://"+serve(t, c.manifest, c.blob)+c.reference); wit.CodeOf(err) != c.code {
			t.Errorf("%s: %+v, %v, want %s", name, a, err, c.code)
		}
	}
	for _, bad := range []string{"", "oci://", "oci://a", "https://a/b:1", "oci://10.0.0.1/b:1", "oci://a b/c:1", "oci://u:p@a.example/b:1"} {
		if _, err := fetch(t, bad); wit.CodeOf(err) != wit.CodeInvalid && wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
