package source

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// scriptFiles are the files that a script may be made of, by name.
type scriptFiles []fs.FileInfo

// stamp changes whenever one of the files does.
func (s scriptFiles) stamp() string {
	var all []string
	for _, f := range s {
		all = append(all, f.Name()+" "+stamp(f))
	}
	return strings.Join(all, ",")
}

// scriptFiles lists the plain files in the plugin's own folder that may be parts of its script. CodeInvalid where the entry
// is not among them, or where they are too much.
func (p *Package) scriptFiles(entry string) (files scriptFiles, err error) {
	entries, err := fs.ReadDir(p.Root, p.Folder)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the plugin's folder cannot be read: %w", err)
	}
	found, bytes := false, int64(0)
	for _, e := range entries {
		if !script.IsFile(e.Name()) {
			continue
		}
		info, err := fs.Stat(p.Root, path.Join(p.Folder, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() {
			return nil, wit.Errorf(wit.CodeInvalid, "%s cannot be read: make it a plain file", e.Name())
		}
		found = found || e.Name() == entry
		bytes += info.Size()
		files = append(files, info)
	}
	switch {
	case !found:
		return nil, wit.Errorf(wit.CodeInvalid, "entry: there is no %s in the plugin's folder: write it, or correct the entry", entry)
	case len(files) > script.MaxFiles || bytes > script.MaxBytes:
		return nil, wit.Errorf(wit.CodeInvalid, "the plugin's folder has %d files of script with %d bytes, and %d with %d are read: bundle them into one", len(files), bytes, script.MaxFiles, script.MaxBytes)
	}
	return files, nil
}

// scriptCode is a script's source as one file.
func (p *Package) scriptCode(entry string) ([]byte, error) {
	files, err := p.scriptFiles(entry)
	if err != nil {
		return nil, err
	}
	s := script.Source{Entry: entry, Files: map[string]string{}}
	left := int64(script.MaxBytes)
	for _, f := range files {
		text, err := p.read(path.Join(p.Folder, f.Name()), left)
		if err != nil {
			return nil, err
		}
		if !utf8.Valid(text) {
			return nil, wit.Errorf(wit.CodeInvalid, "%s is not UTF-8: save it as that", f.Name())
		}
		left -= int64(len(text))
		s.Files[f.Name()] = string(text)
	}
	return s.Encode()
}
