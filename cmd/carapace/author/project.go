// Package author is what whoever writes a plugin does with its folder: build it, put it into a gateway's folder for
// plugins, and do so again with each save.
package author

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// manifestFile is what each plugin's folder has.
const manifestFile = "plugin.json"

// Project is a plugin in the folder in which it is written.
type Project struct {
	Dir string
	// ID and Entry are the manifest's.
	ID, Entry string

	folder source.Package // as a gateway reads it
}

// Package is the package in a folder, as a gateway reads it. CodeNotFound where there is none.
func Package(dir string) (source.Package, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return source.Package{}, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return source.Package{}, wit.Errorf(wit.CodeInvalid, "%s is a file: name the plugin's folder, %s", dir, filepath.Dir(dir))
	}
	found, err := source.Folder(dir).Packages()
	if err != nil {
		return source.Package{}, err
	}
	if len(found) != 1 || found[0].Path != dir {
		return source.Package{}, wit.Errorf(wit.CodeNotFound, "there is no %s in %s: name the folder of a plugin, or make one with `carapace plugins new`", manifestFile, dir)
	}
	return found[0], nil
}

// Open reads a project's manifest. CodeInvalid with what is wrong with it; CodeNotFound where there is none.
func Open(dir, gateway string) (Project, error) {
	found, err := Package(dir)
	if err != nil {
		return Project{}, err
	}
	text, err := found.Manifest()
	if err != nil {
		return Project{}, err
	}
	m, err := manifest.Decode(text, gateway)
	if err != nil {
		return Project{}, err
	}
	entry, member := manifest.Entry(m)
	if member != "" {
		return Project{}, wit.Errorf(wit.CodeInvalid, "%s is one plugin of several in a file: build that, and name a folder with a plugin of its own", m.ID)
	}
	return Project{Dir: found.Path, ID: m.ID, Entry: entry, folder: found}, nil
}

// has reports whether there is such a file in the folder.
func (p Project) has(name string) bool {
	_, err := os.Stat(filepath.Join(p.Dir, name))
	return err == nil
}

// build is the command that makes the code, nil where nothing in the folder says how: make where there is a Makefile, else the
// compiler of the language whose file there is.
func (p Project) build(ctx context.Context) *exec.Cmd {
	switch {
	case script.IsEntry(p.Entry):
	case p.has("Makefile"):
		return exec.CommandContext(ctx, "make", "-s", p.Entry)
	case p.has("main.go"): // names of functions stay in the code, for where it traps or does not end
		c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-w", "-o", p.Entry, ".")
		c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		return c
	case p.has("asconfig.json"):
		return p.assemblyScript(ctx)
	case p.has("plugin.c"):
		return p.c(ctx)
	case p.has("plugin.zig"):
		return p.zig(ctx)
	}
	return nil
}

// Build makes the plugin's code where the folder says how. A script needs none, and neither does code that is built
// otherwise. What the tools say goes to said. CodeInvalid when they fail, and CodeUnavailable when they are not there.
func (p Project) Build(ctx context.Context, said io.Writer) error {
	c := p.build(ctx)
	switch {
	case c != nil:
		c.Dir, c.Stdout, c.Stderr = p.Dir, said, said
		return run(c)
	case p.has("Cargo.toml") && !script.IsEntry(p.Entry):
		return p.cargo(ctx, said)
	}
	return nil
}

// run runs a compiler.
func run(c *exec.Cmd) error {
	err := c.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return wit.Errorf(wit.CodeUnavailable, "%s is needed to build it, and is not there%s", c.Args[0], install[c.Args[0]])
	}
	if err != nil {
		return wit.Errorf(wit.CodeInvalid, "%s: %w", c.Args[0], err)
	}
	return nil
}

// install says where a compiler comes from, behind the words that it is not there.
var install = map[string]string{
	"cargo": ": install Rust by rustup, then run `rustup target add " + wasmTarget + "`",
	"asc":   ": run `npm install` in the folder",
	"clang": ": install clang and lld, in Debian by `apt-get install clang lld`",
	"zig":   ": install Zig 0.17, also there as `pip install ziglang==0.17.1`",
}

// Built is code that was put where a gateway looks.
type Built struct {
	// Hash is that of the code, as the gateway says it.
	Hash string
	// Changed says that something is another than it was.
	Changed bool
}

// Install copies what the gateway reads into a folder for plugins, each file at once and the manifest last, and takes away
// what the project has no more. Of a project that is there itself nothing is touched.
func (p Project) Install(plugins string) (b Built, err error) {
	code, err := p.folder.Code(p.Entry)
	if err != nil {
		return b, err
	}
	manifest, err := p.folder.Manifest()
	if err != nil {
		return b, err
	}
	files, err := source.Files(p.Entry, code)
	if err != nil {
		return b, err
	}
	sum := sha256.Sum256(code)
	b.Hash = hex.EncodeToString(sum[:])
	to := filepath.Join(plugins, p.ID)
	if there(p.Dir, to) {
		return b, nil
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return b, err
	}
	if err := clean(to, p.Entry, files, &b.Changed); err != nil {
		return b, err
	}
	for name, text := range files {
		if err := put(to, name, text, &b.Changed); err != nil {
			return b, err
		}
	}
	return b, put(to, manifestFile, manifest, &b.Changed)
}

// Uninstall takes away what Install has put into a folder for plugins. A project that is there itself stays.
func (p Project) Uninstall(plugins string) error {
	to := filepath.Join(plugins, p.ID)
	if there(p.Dir, to) {
		return nil
	}
	return os.RemoveAll(to)
}

// there reports whether two paths are of the same folder.
func there(dir, to string) bool {
	a, err := os.Stat(dir)
	if err != nil {
		return false
	}
	b, err := os.Stat(to)
	return err == nil && os.SameFile(a, b)
}

// clean takes files of scripts out of a folder that are not among those that are to be there.
func clean(dir, entry string, files map[string][]byte, changed *bool) error {
	return filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if _, kept := files[name]; kept || !script.IsPart(entry, name) {
			return nil
		}
		*changed = true
		return os.Remove(at)
	})
}

// put writes a file at once, if it is another than it was.
func put(dir, name string, b []byte, changed *bool) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, b) {
		return nil
	}
	*changed = true
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".next-")
	if err != nil {
		return err
	}
	_, err = next.Write(b)
	err = errors.Join(err, next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
