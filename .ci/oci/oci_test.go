// Package oci has archives of plugins read from the registry server of the CNCF's distribution project, which runs in the test
// as it does elsewhere: with logins, and by tag and by digest. It is a module of its own, so that the gateway's has none of
// that server's dependencies.
package oci

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/wit"
)

const user, password = "ann", "correct horse"

// start runs the server and returns its host.
func start(t *testing.T) string {
	t.Helper()
	logrus.SetLevel(logrus.PanicLevel)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	logins := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(logins, []byte(user+":"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := configuration.Parse(strings.NewReader("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {inmemory: {}}\nauth: {htpasswd: {realm: test, path: " + logins + "}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handlers.NewApp(context.Background(), config))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// push is what `oras push --artifact-type …` does, and returns the digest.
func push(t *testing.T, host, layer string, data []byte) string {
	t.Helper()
	ctx := t.Context()
	files := memory.New()
	desc, err := oras.PushBytes(ctx, files, layer, data)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := oras.PackManifest(ctx, files, oras.PackManifestVersion1_1, oci.ArtifactType, oras.PackManifestOptions{Layers: []v1.Descriptor{desc}})
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Tag(ctx, manifest, "1.0.0"); err != nil {
		t.Fatal(err)
	}
	to, err := remote.NewRepository(host + "/plugins/weather")
	if err != nil {
		t.Fatal(err)
	}
	to.PlainHTTP = true
	to.Client = &auth.Client{Credential: auth.StaticCredential(host, auth.Credential{Username: user, Password: password})}
	if _, err := oras.Copy(ctx, files, "1.0.0", to, "1.0.0", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}
	return manifest.Digest.String()
}

func login(_ context.Context, _ string) (string, string, error) { return user, password, nil }

// TestPulled: what was pushed is read, by its tag and by its digest, by whoever may.
func TestPulled(t *testing.T) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	host, data := start(t), registrytest.Archive(t, "weather", "1.0.0", nil)
	digest := push(t, host, oci.LayerType, data)
	network := egress.New(egress.Config{})
	defer network.Close()
	knows := oci.New(network, login)
	for _, reference := range []string{"oci://" + host + "/plugins/weather:1.0.0", "oci://" + host + "/plugins/weather@" + digest} {
		a, err := knows.Fetch(t.Context(), reference, 1<<20)
		if err != nil || !bytes.Equal(a.Data, data) || a.Digest != digest {
			t.Errorf("%s: %+v, %v", reference, a, err)
		}
		if _, err := oci.New(network, nil).Fetch(t.Context(), reference, 1<<20); wit.CodeOf(err) != wit.CodeUnauthorized {
			t.Errorf("%s is shown to everybody: %v", reference, err)
		}
	}
	for reference, code := range map[string]wit.Code{
		"/plugins/weather:2.0.0":                             wit.CodeNotFound,
		"/plugins/weather@sha256:" + strings.Repeat("0", 64): wit.CodeNotFound,
		"/plugins/none:1.0.0":                                wit.CodeNotFound,
		"/plugins/weather":                                   wit.CodeInvalid,
	} {
		if _, err := knows.Fetch(t.Context(), "oci://"+host+reference, 1<<20); wit.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", reference, err, code)
		}
	}
	if _, err := knows.Fetch(t.Context(), "oci://"+host+"/plugins/weather:1.0.0", int64(len(data)-1)); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("what is too large: %v", err)
	}
	shown(t, host, data)
	push(t, host, "application/octet-stream", data)
	if _, err := knows.Fetch(t.Context(), "oci://"+host+"/plugins/weather:1.0.0", 1<<20); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an artifact without an archive: %v", err)
	}
}

// shown has a whole gateway look at the artifact, for which its owner logs in.
func shown(t *testing.T, host string, data []byte) {
	t.Helper()
	packed, err := archive.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	l := kerneltest.Start(t).Listen()
	from := install.Source{URL: "oci://" + host + "/plugins/weather:1.0.0"}
	if err := l.Call(t.Context(), "plugins.preview", from, nil); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("it is shown to everybody: %v", err)
	}
	l.MustCall("registries.login", catalog.LoginParams{Host: host, Username: user, Password: password}, nil)
	var p install.Preview
	if l.MustCall("plugins.preview", from, &p); p.Digest != packed.Digest() || p.Version != "1.0.0" {
		t.Errorf("%+v", p)
	}
}
