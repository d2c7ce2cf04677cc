//go:build unix

package kernel

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/carapace-gateway/carapace/wit"
)

// private refuses folders in which others on the machine may put a file: what is in the plugins folder is run, with
// the permissions that it asks for. Folders that do not exist yet are made private.
func private(dirs ...string) error {
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		owner, known := info.Sys().(*syscall.Stat_t)
		if shared(info.Mode(), known && ownGroup(int(owner.Gid), os.Geteuid())) {
			return wit.Errorf(wit.CodeInvalid, "%s may be written by others (mode %04o), who could put plugins there: run `chmod go-w %s`, or use another state directory",
				dir, info.Mode().Perm(), dir)
		}
	}
	return nil
}

// shared reports whether somebody else may write to what has this mode. alone says that its group has no other member.
func shared(mode fs.FileMode, alone bool) bool {
	return mode&0o002 != 0 || mode&0o020 != 0 && !alone
}

// ownGroup reports whether a group is the private one that many systems make for each person, whose umask lets it write
// what that person makes. It has the person's number: that is how login.defs(5), USERGROUPS_ENAB, knows it. The first
// group of the machine has root's and often other members.
func ownGroup(gid, uid int) bool { return gid == uid && uid != 0 }

// syncFolder makes new names in a folder survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
