package source

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// sdkPackage is the SDK, whose types a plugin may have beside it: what it imports by that name is the gateway's.
const sdkPackage = "carapace"

// scriptFile is a file that a script may be made of, by its path from the plugin's folder.
type scriptFile struct {
	path string
	info fs.FileInfo
}

type scriptFiles []scriptFile

// stamp changes whenever one of the files does.
func (s scriptFiles) stamp() string {
	var all []string
	for _, f := range s {
		all = append(all, f.path+" "+stamp(f.info))
	}
	return strings.Join(all, ",")
}

// scriptFiles lists the plain files in the plugin's own folder that may be parts of its script, and those of the packages
// beside them that it depends on. CodeInvalid where the entry is not among them, or where they are too much.
func (p *Package) scriptFiles(entry string) (scriptFiles, error) {
	tally := &script.Tally{}
	own := scriptWalk{pkg: p, tally: tally,
		isFile: func(name string) bool { return script.IsFile(entry, name) }, isFolder: func(name string) bool { return script.IsFolder(entry, name) }}
	if err := own.walk("", 0); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(own.found, func(f scriptFile) bool { return f.path == entry }) {
		return nil, wit.Errorf(wit.CodeInvalid, "entry: there is no %s in the plugin's folder: write it, or correct the entry", entry)
	}
	if script.IsPython(entry) {
		return own.found, nil
	}
	packages := scriptWalk{pkg: p, tally: tally, isFile: script.IsPackageFile, isFolder: script.IsPackageFolder}
	if err := packages.dependencies("", map[string]bool{}); err != nil || len(packages.found) == 0 {
		return own.found, err
	}
	if err := own.packageFile(); err != nil {
		return nil, err
	}
	return append(own.found, packages.found...), nil
}

// packageFile takes the file that names the packages, without which nobody else finds them.
func (w *scriptWalk) packageFile() error {
	if err := w.pkg.inside(script.PackageFile); err != nil {
		return err
	}
	info, err := fs.Stat(w.pkg.Root, path.Join(w.pkg.Folder, script.PackageFile))
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", script.PackageFile, err)
	}
	return w.add(script.PackageFile, info)
}

// scriptWalk collects files of folders.
type scriptWalk struct {
	pkg              *Package
	tally            *script.Tally
	isFile, isFolder func(name string) bool
	found            scriptFiles
}

// walk collects the files of a folder, and of those in it.
func (w *scriptWalk) walk(folder string, depth int) error {
	if depth > script.MaxDepth {
		return wit.Errorf(wit.CodeInvalid, "%s: folders of scripts stand at most %d deep in each other", folder, script.MaxDepth)
	}
	entries, err := fs.ReadDir(w.pkg.Root, path.Join(w.pkg.Folder, folder))
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the plugin's folder cannot be read: %w", err)
	}
	for _, e := range entries {
		at := path.Join(folder, e.Name())
		if !w.isFile(e.Name()) && !w.isFolder(e.Name()) {
			continue
		}
		if e.Type()&fs.ModeSymlink != 0 {
			if err := w.pkg.inside(at); err != nil {
				return err
			}
		}
		info, err := fs.Stat(w.pkg.Root, path.Join(w.pkg.Folder, at))
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just gone, or is a link to what has
		case err == nil && info.IsDir():
			if w.isFolder(e.Name()) {
				err = w.walk(at, depth+1)
			}
		case w.isFile(e.Name()) && (err != nil || !info.Mode().IsRegular()):
			return wit.Errorf(wit.CodeInvalid, "%s cannot be read: make it a plain file", at)
		case w.isFile(e.Name()):
			err = w.add(at, info)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// add takes a file, within the bounds.
func (w *scriptWalk) add(at string, info fs.FileInfo) error {
	w.found = append(w.found, scriptFile{at, info})
	return w.tally.Add(at, info.Size())
}

// dependencies collects the packages that the one in a folder depends on, each once, and theirs.
func (w *scriptWalk) dependencies(folder string, seen map[string]bool) error {
	text, err := w.pkg.read(path.Join(w.pkg.Folder, folder, script.PackageFile), script.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range script.Dependencies(string(text)) {
		at, ok := w.installed(folder, name)
		if !ok || seen[at] || name == sdkPackage {
			continue // one that is missing is named where it is imported
		}
		seen[at] = true
		if err := w.pkg.inside(at); err != nil {
			return err
		}
		if err := w.walk(at, 0); err != nil {
			return err
		}
		if err := w.dependencies(at, seen); err != nil {
			return err
		}
	}
	return nil
}

// installed finds where a package is that one in a folder depends on: in its own folder for packages, or in one around it.
func (w *scriptWalk) installed(folder, name string) (at string, ok bool) {
	for {
		at := path.Join(folder, script.Packages, name)
		if info, err := fs.Stat(w.pkg.Root, path.Join(w.pkg.Folder, at)); err == nil && info.IsDir() {
			return at, true
		}
		if folder == "" {
			return "", false
		}
		if folder = path.Dir(folder); folder == "." {
			folder = ""
		}
	}
}

// inside refuses what is, by a link, somewhere else than in the plugin's folder.
func (p *Package) inside(at string) error {
	root, ok := p.Root.(file.Dir)
	if !ok {
		return nil
	}
	home, err := root.Real(p.Folder)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the plugin's folder cannot be read: %w", err)
	}
	real, err := root.Real(path.Join(p.Folder, at))
	if err != nil || file.Within(home, real) {
		return nil // what leads nowhere is not read
	}
	return wit.Errorf(wit.CodeInvalid, "%s is a link that leads out of the plugin's folder: copy what it leads to", at)
}

// scriptCode is a script's source as one file.
func (p *Package) scriptCode(entry string) ([]byte, error) {
	read := p.readScript
	if p.Files != nil {
		read = p.packedScript
	}
	files, err := read(entry)
	if err != nil {
		return nil, err
	}
	s := script.Source{Entry: entry, Files: map[string]string{}}
	for name, text := range files {
		if !utf8.Valid(text) {
			return nil, wit.Errorf(wit.CodeInvalid, "%s is not UTF-8: save it as that", name)
		}
		s.Files[name] = string(text)
	}
	return s.Encode()
}

// readScript reads the files of a script in a folder.
func (p *Package) readScript(entry string) (map[string][]byte, error) {
	found, err := p.scriptFiles(entry)
	if err != nil {
		return nil, err
	}
	files, left := map[string][]byte{}, int64(script.MaxBytes+script.MaxPackageBytes)
	for _, f := range found {
		text, err := p.read(path.Join(p.Folder, f.path), left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(text))
		files[f.path] = text
	}
	return files, nil
}

// packedScript are the files of a script that was packed: all that may be parts, since nothing else is packed with them.
func (p *Package) packedScript(entry string) (map[string][]byte, error) {
	all, err := p.Files()
	files := map[string][]byte{}
	for name, text := range all {
		if script.IsPart(entry, name) {
			files[name] = text
		}
	}
	return files, err
}
