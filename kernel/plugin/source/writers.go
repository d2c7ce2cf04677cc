package source

import (
	"os"
	"path/filepath"
	"runtime"
)

// Writers says who can put a plugin at a path, as far as the system's permissions tell: whoever may write to it or to the folder
// that it is in, and gets there.
func Writers(path string) string {
	folder := filepath.Dir(path)
	if runtime.GOOS == "windows" { // where these bits say nothing
		return "whoever may write to " + folder
	}
	writable, reached := mode(path)|mode(folder), os.FileMode(0o011)
	for at := folder; ; at = filepath.Dir(at) {
		if reached &= mode(at); at == filepath.Dir(at) {
			break
		}
	}
	switch {
	case writable&0o002 != 0 && reached&0o001 != 0:
		return "anybody on this machine"
	case writable&0o020 != 0 && reached&0o010 != 0:
		return "the owner or the group of " + folder
	}
	return "the owner of " + folder
}

// mode are the permissions of a path, none of one that there is not.
func mode(path string) os.FileMode {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Mode().Perm()
}
