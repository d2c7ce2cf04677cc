//go:build unix

package secret

import (
	"io/fs"
	"os"

	"github.com/carapace-gateway/carapace/wit"
)

// checkMode refuses a key that others may read, or that is not a plain file.
func checkMode(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return wit.Errorf(wit.CodeInvalid, "secret: %s is not a plain file: put the key file itself there", path)
	case info.Mode().Perm()&0o077 != 0:
		return wit.Errorf(wit.CodeInvalid, "secret: %s may be used by others (mode %04o): run `chmod 600 %s`", path, info.Mode().Perm(), path)
	}
	return nil
}

// syncDir makes a new name in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
