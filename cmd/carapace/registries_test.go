package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
)

// TestRegistriesPage executes every command of the page about registries, in order, against one gateway, and reads the index
// that it shows, of which it names each field.
func TestRegistriesPage(t *testing.T) {
	state, parts := stateDir(t), blocks(t, "docs/registries.md")
	page, err := os.ReadFile(filepath.Join(repository(t), "docs/registries.md"))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, state)
	bin, ran := path(t), 0
	t.Chdir(t.TempDir())
	for _, b := range parts {
		switch b.language + b.kind {
		case "console":
			ran += play(t, state, bin, b.text, strings.NewReplacer())
		case "jsonindex":
			d := json.NewDecoder(strings.NewReader(b.text))
			d.DisallowUnknownFields()
			var x registry.Index
			if err := d.Decode(&x); err != nil {
				t.Fatal(err)
			}
			key, err := readKey("registry.key")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := registry.Encode(&x, key); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran < 12 {
		t.Fatalf("only %d commands were found on the page", ran)
	}
	for _, of := range []reflect.Type{reflect.TypeFor[registry.Index](), reflect.TypeFor[registry.Package](), reflect.TypeFor[registry.Version](), reflect.TypeFor[registry.Withdrawal]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if !bytes.Contains(page, []byte("`"+name+"`")) || !bytes.Contains(page, []byte(`"`+name+`"`)) {
				t.Errorf("the page does not name or not show the index's field %s", name)
			}
		}
	}
}

// TestSearchShowsWhatIsWithdrawn, with its reason, also where another version of the package runs here.
func TestSearchShowsWhatIsWithdrawn(t *testing.T) {
	t.Parallel()
	v := func(version, withdrawn, unfit string) catalog.VersionRow {
		return catalog.VersionRow{Version: version, Kinds: []string{"tool"}, Withdrawn: withdrawn, Unfit: unfit}
	}
	var out strings.Builder
	err := printPackages(&out, catalog.SearchResult{Incomplete: []string{"work: it does not answer"}, Packages: []catalog.PackageRow{
		{Registry: "home", ID: "gone", Versions: []catalog.VersionRow{v("1.1.0", "it leaks", ""), v("1.0.0", "it lies", "")}},
		{Registry: "home", ID: "weather", Installed: "2.0.0", Versions: []catalog.VersionRow{
			v("3.0.0", "", "3.0.0 wants a gateway >=9"), v("2.0.0", "it rains", ""), v("1.1.0", "", ""), v("1.0.0", "it loses reports", ""),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	if want := []string{
		"PACKAGE VERSION INSTALLED KINDS MATURITY PROBLEM DESCRIPTION",
		"home/gone 1.1.0 - tool - 1.1.0 is withdrawn: it leaks",
		"home/weather 1.1.0 2.0.0 tool - -",
		"! home/gone 1.0.0 is withdrawn: it lies",
		"! home/weather 2.0.0 is withdrawn: it rains",
		"! home/weather 1.0.0 is withdrawn: it loses reports",
		"! work: it does not answer",
	}; !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
}

// TestPublishIsTold what it does not do.
func TestPublishIsTold(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	key := filepath.Join(dir, "key")
	must(t, state, "plugins", "keygen", key)
	for name, args := range map[string][]string{
		"no folder":       {"x.carapace", "--key", key},
		"no key":          {"x.carapace", "--to", dir},
		"no reason":       {"--to", dir, "--key", key, "--withdraw", "dice@1.0.0"},
		"no version":      {"--to", dir, "--key", key, "--withdraw", "dice", "--reason", "r"},
		"a reason alone":  {"--to", dir, "--key", key, "--reason", "r"},
		"two at once":     {"x.carapace", "--to", dir, "--key", key, "--withdraw", "dice@1.0.0", "--reason", "r"},
		"no archive":      {filepath.Join(dir, "x.carapace"), "--to", dir, "--key", key},
		"not there":       {"--to", dir, "--key", key, "--withdraw", "dice@1.0.0", "--reason", "r"},
		"a public key":    {"--to", dir, "--key", key + ".pub"},
		"an odd duration": {"--to", dir, "--key", key, "--expires", "-1h"},
	} {
		if r := carapace(t, state, append([]string{"plugins", "publish"}, args...)...); r.code == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, registry.IndexFile)); err == nil {
		t.Error("an index was written all the same")
	}
}

// TestPublishersAtOnce: several processes that publish into one folder lose nothing of each other's.
func TestPublishersAtOnce(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	key := filepath.Join(dir, "key")
	must(t, state, "plugins", "keygen", key)
	private, err := readKey(key)
	if err != nil {
		t.Fatal(err)
	}
	const publishers = 6
	var all []*exec.Cmd
	for n := range publishers {
		archive := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(archive, registrytest.Archive(t, fmt.Sprint("p", n), "1.0.0", nil), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := command(t.Context(), t, state, "plugins", "publish", archive, "--to", filepath.Join(dir, "registry"), "--key", key)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	x, err := registry.Folder(filepath.Join(dir, "registry")).Read(registry.SignerOf(private))
	if err != nil || len(x.Packages) != publishers || x.Sequence != publishers {
		t.Errorf("%+v, %v", x, err)
	}
}

// TestPublishToContainers is told what it does not do there.
func TestPublishToContainers(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	unsigned := filepath.Join(dir, "unsigned.carapace")
	write(t, unsigned, string(registrytest.Archive(t, "dice", "1.0.0", nil)))
	signed := filepath.Join(dir, "signed.carapace")
	write(t, signed, string(registrytest.Archive(t, "dice", "1.0.0", nil, registrytest.Key(t))))
	for says, args := range map[string][]string{
		"nobody has signed":      {unsigned, "--to", "oci://127.0.0.1:1/p/dice:1.0.0"},
		"cannot be read":         {signed, "--to", "oci://127.0.0.1:1/p/dice:1.0.0"},
		"is no artifact such":    {signed, "--to", "oci://127.0.0.1:1/p/dice"},
		"has no index to sign":   {signed, "--to", "oci://127.0.0.1:1/p/dice:1.0.0", "--key", "k"},
		"name the archive alone": {"--to", "oci://127.0.0.1:1/p/dice:1.0.0"},
	} {
		if r := carapace(t, state, append([]string{"plugins", "publish"}, args...)...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%q: %+v", says, r)
		}
	}
}
