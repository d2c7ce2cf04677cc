package secret

import (
	"io/fs"

	"github.com/carapace-gateway/carapace/wit"
)

// checkMode refuses what is not a plain file. Who may read it is the folder's access list here.
func checkMode(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return wit.Errorf(wit.CodeInvalid, "secret: %s is not a plain file: put the key file itself there", path)
	}
	return nil
}

// syncDir has nothing to do: NTFS journals names.
func syncDir(string) error { return nil }
