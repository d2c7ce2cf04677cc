package script

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a plugin's files, and of those of the packages that it depends on, which have bounds of their own. They hold where a
// folder is read, and where an archive is.
const (
	MaxFiles        = 200
	MaxBytes        = 4 << 20 // of all files
	MaxDepth        = 10      // folders within each other, in the plugin's folder or in a package
	MaxPackages     = 100
	MaxPackageFiles = 2000
	MaxPackageBytes = 16 << 20
	maxFolders      = 2 * MaxDepth // in a path, with those of packages in packages
)

// Tally counts the files that a script is to be made of. The zero value has counted none. It is for one goroutine.
type Tally struct {
	own, packages count
	roots         map[string]bool // of packages
}

type count struct {
	files int
	bytes int64
}

// Add counts a file, by its path from the plugin's folder and its bytes. CodeInvalid, with what to do, where that is more than there
// may be.
func (t *Tally) Add(name string, bytes int64) error {
	c, what, most := &t.own, "the plugin's folder", count{MaxFiles, MaxBytes}
	if inPackage(name) {
		c, what, most = &t.packages, Packages, count{MaxPackageFiles, MaxPackageBytes}
		if t.roots == nil {
			t.roots = map[string]bool{}
		}
		t.roots[packageOf(name)] = true
	}
	c.files++
	c.bytes += bytes
	switch {
	case strings.Count(name, "/") > maxFolders:
		return wit.Errorf(wit.CodeInvalid, "%.300s is more than %d folders deep: bundle that package into a file of the plugin", name, maxFolders)
	case len(t.roots) > MaxPackages:
		return wit.Errorf(wit.CodeInvalid, "the plugin depends on more than %d packages: bundle them into a file of its own", MaxPackages)
	case c.files > most.files || c.bytes > most.bytes:
		return wit.Errorf(wit.CodeInvalid, "%s has more files of script than the %d that are read, or more bytes than they may have together: bundle them into one, up to %s", what, most.files, name)
	}
	return nil
}

// inPackage reports whether a path is that of a file of a package, and not of the plugin's own.
func inPackage(name string) bool { return strings.HasPrefix(name, Packages+"/") }

// packageOf is the folder of the package that a file is in: the innermost, where packages are in packages.
func packageOf(name string) string {
	at := strings.LastIndex("/"+name, "/"+Packages+"/") + len(Packages) + 1
	pkg, _ := splitPackage(name[at:])
	return name[:at] + pkg
}
