// Package script makes one piece of JavaScript of a plugin that is written in TypeScript or JavaScript: its files are
// bundled, in a process of their own where there is one, since what bundles them was not written for hostile files. Of a
// plugin in Python it knows the files and what they export; those are run as they are.
package script

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// extensions are those of the files that a script may be made of.
var extensions = []string{".ts", ".js", ".mts", ".mjs", ".json"}

// IsEntry reports whether a manifest's entry is a script.
func IsEntry(file string) bool {
	return file != "" && slices.Contains(extensions[:2], path.Ext(file)) || IsPython(file)
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// IsFile reports whether a file of the plugin's folder may be a part of the script of an entry.
func IsFile(entry, name string) bool {
	if IsPython(entry) {
		return isPythonFile(name)
	}
	return fileName.MatchString(name) && slices.Contains(extensions, path.Ext(name)) && !slices.Contains(others, name) &&
		!strings.HasSuffix(name, ".d.ts") && !strings.Contains(name, ".test.")
}

// IsFolder reports whether a folder in a plugin's folder may have parts of the script of an entry.
func IsFolder(entry, name string) bool {
	return fileName.MatchString(name) && name != Packages && name != "testdata" && !(IsPython(entry) && slices.Contains(notPython, name))
}

// IsPackageFile reports whether a file of a package may be a part of a script. What says how a package is imported is.
func IsPackageFile(name string) bool {
	return fileName.MatchString(name) && (name == PackageFile || slices.Contains(packageExtensions, path.Ext(name))) &&
		!strings.HasSuffix(name, ".d.ts") && !strings.Contains(name, ".test.")
}

var packageExtensions = append([]string{".cjs"}, extensions...)

// IsPackageFolder reports whether a folder in a package, or in that of all packages, may have parts of a script.
func IsPackageFolder(name string) bool {
	return name != Packages && fileName.MatchString(strings.TrimPrefix(name, "@"))
}

// IsPart reports whether a path in a plugin's folder may be that of a part of an entry's script: what Source.Files has. The plugin's own
// package.json, which names the packages of JavaScript, is one.
func IsPart(entry, name string) bool {
	folders := strings.Split(name, "/")
	last := len(folders) - 1
	file, folders := folders[last], folders[:last]
	switch {
	case name == PackageFile:
		return !IsPython(entry)
	case last > maxFolders:
		return false
	case inPackage(name) && !IsPython(entry):
		return IsPackageFile(file) && !slices.ContainsFunc(folders, func(f string) bool { return f != Packages && !IsPackageFolder(f) })
	}
	return IsFile(entry, file) && !slices.ContainsFunc(folders, func(f string) bool { return !IsFolder(entry, f) })
}

// others are files of a plugin's folder that are about it and not parts of it.
var others = []string{"plugin.json", PackageFile, "package-lock.json", "tsconfig.json"}

// Source is a script before it is bundled: its files, which all are in the plugin's folder, by their paths from there.
type Source struct {
	Entry string            `json:"entry"`
	Files map[string]string `json:"files"`
}

// Encode is the source as one file, the same for the same files.
func (s Source) Encode() ([]byte, error) { return json.Marshal(s) }

// Decode reads what Encode wrote.
func Decode(data []byte) (s Source, err error) {
	if err := json.Unmarshal(data, &s); err != nil {
		return s, wit.Errorf(wit.CodeInvalid, "not a script: %w", err)
	}
	return s, nil
}

// Bundle is a script as the interpreter runs it.
type Bundle struct {
	// Code assigns what the entry exports to the variable __plugin.
	Code string `json:"code"`
	// Exports are the names that the entry exports.
	Exports []string `json:"exports"`
	// Parts are the source's files that it was made of, and those that say how packages are imported, sorted: a source of these alone
	// makes the same bundle.
	Parts []string `json:"parts"`
	// Map says where Code comes from, as a source map of version 3.
	Map json.RawMessage `json:"map"`
}
