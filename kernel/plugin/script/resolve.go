package script

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// resolver finds the files that imports name, and remembers which they were. It is safe for concurrent use.
type resolver struct {
	files map[string]string // all that there are, by their paths from the plugin's folder

	mu   sync.Mutex
	used map[string]bool
}

// read returns the text of a file, and remembers it.
func (r *resolver) read(name string) (text string, ok bool) {
	if text, ok = r.files[name]; ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.used[name] = true
	}
	return text, ok
}

// parts are the files that were read, and what names their packages, sorted.
func (r *resolver) parts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range maps.Clone(r.used) {
		if !inPackage(name) {
			continue
		}
		for _, file := range []string{PackageFile, path.Join(packageOf(name), PackageFile)} {
			if _, there := r.files[file]; there {
				r.used[file] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(r.used))
}

// endings are what is tried behind a name, in this order: a file may be named without its extension, and a folder for the
// file index in it.
var endings = []string{"", ".ts", ".mts", ".js", ".mjs", ".cjs", ".json"}

// resolve finds the file that an import names: a file of the plugin's folder, or of a package beside it. kind is import or
// require.
func (r *resolver) resolve(name, importer, kind string) (string, error) {
	if name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../") {
		at := path.Join(path.Dir(importer), name)
		if found, ok := r.file(at); ok && at != ".." && !strings.HasPrefix(at, "../") {
			return found, nil
		}
		return "", fmt.Errorf("there is no file %s in the plugin's folder", name)
	}
	if strings.HasPrefix(name, "node:") {
		return "", ofNode(name)
	}
	pkg, inside := splitPackage(name)
	if !packageName.MatchString(pkg) {
		return "", fmt.Errorf("%s cannot be imported: a plugin imports files of its own folder, such as \"./%s.ts\", packages of its %s, and the SDK", name, path.Base(name), Packages)
	}
	for _, folder := range above(path.Dir(importer)) {
		at := path.Join(folder, Packages, pkg)
		text, ok := r.read(path.Join(at, PackageFile))
		if !ok {
			continue
		}
		target, err := decodePackage(text).entry(inside, kind)
		if err != nil {
			return "", fmt.Errorf("package %s: %w", pkg, err)
		}
		if found, ok := r.file(path.Join(at, target)); ok && strings.HasPrefix(found, at+"/") {
			return found, nil
		}
		return "", fmt.Errorf("package %s has no file %s", pkg, target)
	}
	if slices.Contains(nodeModules, pkg) {
		return "", ofNode(name)
	}
	return "", fmt.Errorf("there is no package %s beside this plugin, name it in the dependencies of its package.json, and run npm install in its folder", pkg)
}

// nodeModules are those of Node.js that scripts import by names that packages could have.
var nodeModules = []string{"assert", "async_hooks", "buffer", "child_process", "cluster", "crypto", "dgram", "dns", "events", "fs", "http", "http2", "https", "module",
	"net", "os", "path", "perf_hooks", "process", "querystring", "readline", "stream", "string_decoder", "timers", "tls", "tty", "url", "util", "vm", "worker_threads", "zlib"}

// ofNode is the error of an import of what no npm would install.
func ofNode(name string) error {
	return fmt.Errorf("%s is a part of Node.js, and plugins do not run in that: the README of the SDK for JavaScript says what there is, such as fetch, crypto and kv", name)
}

// above lists a folder and those around it, the innermost first.
func above(folder string) (list []string) {
	for ; folder != "."; folder = path.Dir(folder) {
		list = append(list, folder)
	}
	return append(list, ".")
}

// file finds the file that a path stands for: with its extension, without it, or, as TypeScript has it, with that of the
// JavaScript that it will be; and what a folder stands for.
func (r *resolver) file(at string) (string, bool) {
	names := []string{}
	for _, ending := range endings {
		names = append(names, at+ending)
	}
	for from, to := range map[string]string{".js": ".ts", ".mjs": ".mts"} {
		if base, ok := strings.CutSuffix(at, from); ok {
			names = append(names, base+to)
		}
	}
	if text, ok := r.read(path.Join(at, PackageFile)); ok {
		if main := decodePackage(text).main(); main != "" {
			names = append(names, path.Join(at, main), path.Join(at, main)+".js")
		}
	}
	for _, ending := range endings[1:] {
		names = append(names, path.Join(at, "index")+ending)
	}
	for _, name := range names {
		if _, ok := r.read(name); ok {
			return name, true
		}
	}
	return "", false
}
