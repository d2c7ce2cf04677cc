// Package python is what plugins in Python stand on: what the interpreter is started with, and the package that plugins
// import. The folder is a Python package besides.
package python

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

// Name is how plugins import the package.
const Name = "carapace"

//go:embed boot.py
var boot string

//go:embed carapace/*.py
var files embed.FS

// Boot returns the script that the interpreter runs.
func Boot() string { return boot }

// Modules returns the files of the package as far as plugins need them in a gateway, by their paths.
func Modules() map[string]string {
	all := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, path.Join(Name, "testing.py")) {
			return err
		}
		text, err := fs.ReadFile(files, name)
		all[name] = string(text)
		return err
	})
	if err != nil {
		panic(err) // they are embedded
	}
	return all
}
