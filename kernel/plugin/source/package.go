// Package source is where plugins come from: packages of a manifest and its code, in the binary or in folders.
//
// A Source lists Packages and says when something may have changed; it knows files, their sizes and their
// times, and reads what it is asked for, but judges nothing in them. Listing is cheap, and a file that is in
// the middle of being written is simply read as it is: whoever reads it compares the stamps before and after.
// Everything is safe for concurrent use.
package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// maxCode bounds a file of code.
const maxCode = 64 << 20

const manifestFile = "plugin.json"

// Package is one plugin of a source.
type Package struct {
	// Folder is its name inside Root; the plugin's id has to be the same.
	Folder string
	// Path says where it is, to people.
	Path string
	// Root holds the folder. The entry's file is in the folder or beside it.
	Root fs.FS
	// Stock is set for what comes with the gateway.
	Stock bool
	// Kept is set for the copy of a build that has worked.
	Kept bool
	// Digest names what was installed, and not put into a folder; it is "" for anything else.
	Digest string
	// Files reads all files of what was packed, by their paths from Folder, as few times as can be; nil for a folder. What was packed
	// is within the bounds and has its entry. Root has its files too.
	Files func() (map[string][]byte, error)
	// Engine runs the package's code; nil is the gateway's own engine.
	Engine engine.Engine
}

// Manifest reads plugin.json, of at most wit.ManifestMax bytes. Errors: CodeInvalid when there is none, CodeTooLarge,
// CodeUnavailable when the disk fails.
func (p *Package) Manifest() ([]byte, error) {
	if info, err := fs.Stat(p.Root, p.Folder); err == nil && !info.IsDir() {
		return nil, lone(p.Folder)
	}
	data, err := p.read(path.Join(p.Folder, manifestFile), wit.ManifestMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wit.NewError(wit.CodeInvalid, "the folder has no "+manifestFile+": every plugin needs one")
	}
	return data, err
}

// lone says why a file is no plugin.
func lone(name string) error {
	if path.Ext(name) == archive.Extension {
		return wit.Errorf(wit.CodeInvalid, "%s is an archive, which is not put here but installed: `carapace plugins install %s`", name, name)
	}
	return wit.Errorf(wit.CodeInvalid, "%s is a file, and a plugin is a folder: put it into one of its own, with a %s", name, manifestFile)
}

// ManifestStamp changes whenever plugin.json does; "" when there is none.
func (p *Package) ManifestStamp() string {
	info, err := fs.Stat(p.Root, path.Join(p.Folder, manifestFile))
	if err != nil {
		return ""
	}
	return stamp(info)
}

// find returns the path of the entry's file, and a text that changes when it does.
func (p *Package) find(file string) (name, version string, err error) {
	if script.IsEntry(file) && p.Files != nil {
		return path.Join(p.Folder, file), p.Digest, nil
	}
	if script.IsEntry(file) {
		files, err := p.scriptFiles(file)
		return path.Join(p.Folder, file), files.stamp(), err
	}
	for _, name := range []string{path.Join(p.Folder, file), file} {
		info, err := fs.Stat(p.Root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", "", wit.Errorf(wit.CodeUnavailable, "entry: %s cannot be read: %w", file, err)
		}
		if !info.Mode().IsRegular() {
			return "", "", wit.Errorf(wit.CodeInvalid, "entry: %s cannot be read: make it a plain file", file)
		}
		return name, stamp(info), nil
	}
	return "", "", wit.Errorf(wit.CodeInvalid, "entry: there is no %s in the plugin's folder or the one above: build it, or correct the entry", file)
}

// Fingerprint changes whenever the manifest or the file of code does. Errors: CodeInvalid when there is no
// such file, CodeUnavailable.
func (p *Package) Fingerprint(file string) (string, error) {
	own, err := fs.Stat(p.Root, path.Join(p.Folder, manifestFile))
	if err != nil {
		return "", wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", manifestFile, err)
	}
	name, code, err := p.find(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s|%s|%s|%s", p.Path, stamp(own), name, code), nil
}

// CodeKey names the file of code as it is now; packages that share the file have the same.
func (p *Package) CodeKey(file string) (string, error) {
	name, version, err := p.find(file)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(p.Path, p.Folder) + name + "|" + version, nil
}

func stamp(i fs.FileInfo) string { return fmt.Sprintf("%d@%d", i.Size(), i.ModTime().UnixNano()) }

// Facts is what is known of a file of code by itself.
type Facts struct {
	SHA256 string // in hex
	engine.Info
}

// FactsFile is where a build writes down the Facts of a file of code of the gateway's own, beside it and as JSON.
func FactsFile(file string) string { return file + ".json" }

// maxFacts bounds such a file, in bytes.
const maxFacts = 64 << 10

// Facts returns what the gateway's build has written down of its own file of code, which then need not be read to be known; nil for
// any other.
func (p *Package) Facts(file string) *Facts {
	if !p.Stock || script.IsEntry(file) {
		return nil
	}
	name, _, err := p.find(file)
	if err != nil {
		return nil
	}
	data, err := p.read(FactsFile(name), maxFacts)
	var f Facts
	if err != nil || json.Unmarshal(data, &f) != nil {
		return nil
	}
	return &f
}

// Code reads the file of code. Of a script it is all its files, as script.Decode reads them.
func (p *Package) Code(file string) ([]byte, error) {
	if script.IsEntry(file) {
		return p.scriptCode(file)
	}
	name, _, err := p.find(file)
	if err != nil {
		return nil, err
	}
	return p.read(name, maxCode)
}

// read makes a failure of the disk, which may pass, unavailable.
func (p *Package) read(name string, limit int64) ([]byte, error) {
	data, err := file.ReadFS(p.Root, name, limit)
	if err != nil && wit.CodeOf(err) == wit.CodeInternal && !errors.Is(err, fs.ErrNotExist) {
		return nil, wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", path.Base(name), err)
	}
	return data, err
}
