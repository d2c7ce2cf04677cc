package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/cmd/examples"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
)

// example is one of pdk-examples, of which there are as many versions as one wants, each with code of its own.
type example struct {
	id, entry      string
	manifest, code []byte
}

// workFolder is where examples are built: within the module, to which some of those in Go belong.
const workFolder = "bin"

// readExample builds one as its author does, and reads it. The caller works in the repository. CodeUnavailable with what to
// install where a compiler is not there.
func readExample(ctx context.Context, id string) (*example, error) {
	if err := os.MkdirAll(workFolder, 0o755); err != nil {
		return nil, err
	}
	parent, err := os.MkdirTemp(workFolder, "example-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, id)
	if err := examples.Lay(".", dir, id); err != nil {
		return nil, err
	}
	project, err := author.Open(dir, "dev")
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	if err := project.Build(ctx, &said); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &said)
	}
	x := &example{id: id, entry: project.Entry}
	if x.manifest, err = os.ReadFile(filepath.Join(dir, "plugin.json")); err != nil {
		return nil, err
	}
	x.code, err = os.ReadFile(filepath.Join(dir, x.entry))
	return x, err
}

func version(n int) string { return fmt.Sprint("1.0.", n) }

// put puts a version of the example into the plugins' folder, each of its files at once.
func (x *example) put(dir string, n int) error {
	folder := filepath.Join(dir, "plugins", x.id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	manifest := bytes.Replace(x.manifest, []byte(`"version": "1.0.0"`), []byte(`"version": "`+version(n)+`"`), 1)
	return errors.Join(replaceFile(filepath.Join(folder, x.entry), x.numbered(n)), replaceFile(filepath.Join(folder, "plugin.json"), manifest))
}

// numbered is the code of a version: what it does is the same.
func (x *example) numbered(n int) []byte {
	if !script.IsEntry(x.entry) {
		return slices.Concat(x.code, section(0, sized([]byte(version(n)))))
	}
	return fmt.Appendf(slices.Clone(x.code), "\nexport const version = %q;\n", version(n))
}

// replaceFile writes a file at once.
func replaceFile(path string, data []byte) error {
	fresh := path + "~"
	if err := os.WriteFile(fresh, data, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
