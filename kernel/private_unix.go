//go:build unix

package kernel

import (
	"os"

	"github.com/carapace-gateway/carapace/wit"
)

// private refuses folders in which anybody on the machine may put a file: what is in the plugins folder is run, with
// the permissions that it asks for. Folders that do not exist yet are made private.
func private(dirs ...string) error {
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o002 != 0 {
			return wit.Errorf(wit.CodeInvalid, "%s may be written by everybody (mode %04o), who could put plugins there: run `chmod o-w %s`, or use another state directory",
				dir, info.Mode().Perm(), dir)
		}
	}
	return nil
}
