package main

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
)

// TestInstalledFromAServerThatIsTrusted: the gateway trusts whom its machine trusts, which on Linux is also said by SSL_CERT_FILE.
func TestInstalledFromAServerThatIsTrusted(t *testing.T) {
	t.Parallel()
	data := registrytest.Archive(t, "weather", "1.0.0", nil)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	t.Cleanup(server.Close)
	address := server.URL + "/weather-1.0.0.carapace"
	archive, roots := filepath.Join(t.TempDir(), "weather-1.0.0.carapace"), filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(archive, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	state := stateDir(t)
	digest := strings.Fields(carapace(t, state, "plugins", "verify", archive).out)[2] // nobody has signed it
	takes := []string{"plugins", "install", address, "--yes", "--digest", digest}
	stranger := stateDir(t)
	serve(t, stranger)
	if r := carapace(t, stranger, takes...); r.code == 0 || !strings.Contains(r.err, "certificate signed by unknown authority") {
		t.Errorf("%+v", r)
	}
	gatewaytest.Serve(t, func() *exec.Cmd {
		c := command(context.Background(), t, state, "serve", "--port", "0")
		c.Env = append(c.Env, "SSL_CERT_FILE="+roots)
		return c
	})
	if out := must(t, state, takes...); !strings.Contains(out, "weather 1.0.0 is installed (ready)") {
		t.Error(out)
	}
	if out := must(t, state, "plugins", "info", "weather", "--json"); !strings.Contains(out, address) {
		t.Errorf("%s does not say %s", out, address)
	}
}
