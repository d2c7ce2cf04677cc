package oci

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPushed: what is published is what is read, publishing it once more changes nothing, and a tag stays what it was.
func TestPushed(t *testing.T) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	host, key := start(t), registrytest.Key(t)
	data, other := registrytest.Archive(t, "weather", "1.0.0", nil, key), registrytest.Archive(t, "weather", "1.0.1", nil, key)
	to := "oci://" + host + "/plugins/weather:1.0.0"
	by := &oci.Publisher{HTTP: http.DefaultClient, Login: login}
	network := egress.New(egress.Config{})
	defer network.Close()
	var digest string
	for range 2 {
		now, err := by.Push(t.Context(), to, data)
		if err != nil || digest != "" && now != digest {
			t.Fatalf("%s after %s, %v", now, digest, err)
		}
		digest = now
		if a, err := oci.New(network, login).Fetch(t.Context(), to, 1<<20); err != nil || !bytes.Equal(a.Data, data) || a.Digest != digest {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	shown(t, host, data)
	for name, c := range map[string]struct {
		by   *oci.Publisher
		to   string
		data []byte
		code wit.Code
	}{
		"another archive": {by, to, other, wit.CodeConflict},
		"nobody":          {&oci.Publisher{HTTP: http.DefaultClient}, "oci://" + host + "/plugins/weather:2.0.0", data, wit.CodeUnauthorized},
		"a digest":        {by, "oci://" + host + "/plugins/weather@" + digest, data, wit.CodeInvalid},
		"no tag":          {by, "oci://" + host + "/plugins/weather", data, wit.CodeInvalid},
		"no server":       {by, "oci://127.0.0.1:1/plugins/weather:1.0.0", data, wit.CodeUnavailable},
	} {
		if got, err := c.by.Push(t.Context(), c.to, c.data); wit.CodeOf(err) != c.code {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.code)
		}
	}
	if a, err := oci.New(network, login).Fetch(t.Context(), to, 1<<20); err != nil || !bytes.Equal(a.Data, data) {
		t.Errorf("the tag is another one's: %+v, %v", a, err)
	}
}
