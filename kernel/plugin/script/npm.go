package script

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Packages is the folder in which npm puts packages, and PackageFile what says of one how it is imported, and what it
// needs.
const (
	Packages    = "node_modules"
	PackageFile = "package.json"
)

// packageName is that of a package in npm's registry, but for letters that few have and no file of a script.
var packageName = regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*$`)

// npmPackage is what a package.json says, as far as it matters here.
type npmPackage struct {
	Main         string            `json:"main"`
	Module       string            `json:"module"`
	Exports      json.RawMessage   `json:"exports"`
	Dependencies map[string]string `json:"dependencies"`
}

// decodePackage reads a package.json; one that cannot be read says nothing.
func decodePackage(text string) (p npmPackage) {
	_ = json.Unmarshal([]byte(text), &p)
	return p
}

// Dependencies are the packages that a package.json names as what is needed to run, sorted, without those whose names no
// package has.
func Dependencies(text string) []string {
	all := slices.Sorted(maps.Keys(decodePackage(text).Dependencies))
	return slices.DeleteFunc(all, func(name string) bool { return !packageName.MatchString(name) })
}

// splitPackage cuts what is imported into the package and the path in it, which begins with a dot.
func splitPackage(name string) (pkg, inside string) {
	parts := strings.SplitN(name, "/", 3)
	n := 1
	if strings.HasPrefix(name, "@") && len(parts) > 1 {
		n = 2
	}
	pkg = strings.Join(parts[:n], "/")
	return pkg, "." + strings.TrimPrefix(name, pkg)
}

// main is the file that a package without exports is imported by.
func (p npmPackage) main() string { return cmp.Or(p.Module, p.Main) }

// entry is the file that a path in the package stands for.
func (p npmPackage) entry(inside, kind string) (string, error) {
	if len(p.Exports) == 0 || string(p.Exports) == "null" {
		if inside == "." {
			return cmp.Or(p.main(), "index.js"), nil
		}
		return inside, nil
	}
	var paths map[string]json.RawMessage
	if json.Unmarshal(p.Exports, &paths) != nil || !hasPaths(paths) {
		paths = map[string]json.RawMessage{".": p.Exports}
	}
	if to, ok := paths[inside]; ok {
		return target(to, kind, 0)
	}
	best, star := "", ""
	for pattern := range paths {
		before, after, ok := strings.Cut(pattern, "*")
		if ok && len(pattern) > len(best) && len(inside) >= len(before)+len(after) && strings.HasPrefix(inside, before) && strings.HasSuffix(inside, after) {
			best, star = pattern, inside[len(before):len(inside)-len(after)]
		}
	}
	if best == "" {
		return "", fmt.Errorf("it does not export %q", inside)
	}
	to, err := target(paths[best], kind, 0)
	return strings.ReplaceAll(to, "*", star), err
}

// hasPaths reports whether the keys of exports are paths, and not conditions.
func hasPaths(paths map[string]json.RawMessage) bool {
	for name := range paths {
		return strings.HasPrefix(name, ".")
	}
	return false
}

// maxConditions bounds how deep conditions stand in each other.
const maxConditions = 10

// errNotForScripts is the error of an export that is for another runtime than the interpreter.
var errNotForScripts = errors.New("what it exports is for Node.js alone")

// target is the file that an export leads to, under the first condition that holds, as Node.js has it.
func target(to json.RawMessage, kind string, depth int) (string, error) {
	var file string
	var list []json.RawMessage
	switch {
	case depth > maxConditions:
		return "", errNotForScripts
	case json.Unmarshal(to, &file) == nil && file != "":
		return file, nil
	case json.Unmarshal(to, &list) == nil:
		for _, one := range list {
			if file, err := target(one, kind, depth+1); err == nil {
				return file, nil
			}
		}
		return "", errNotForScripts
	}
	conditions := json.NewDecoder(strings.NewReader(string(to)))
	if _, err := conditions.Token(); err != nil {
		return "", errNotForScripts
	}
	for conditions.More() { // in the order in which they stand
		name, err := conditions.Token()
		var under json.RawMessage
		if err != nil || conditions.Decode(&under) != nil {
			break
		}
		if name == "default" || name == "module" || name == "browser" || name == kind {
			if file, err := target(under, kind, depth+1); err == nil {
				return file, nil
			}
		}
	}
	return "", errNotForScripts
}
