//go:build unix

package kernel

import (
	"io/fs"
	"os"
	"testing"
)

// TestShared: a group is one's own where it has one's number.
func TestShared(t *testing.T) {
	for _, tt := range []struct {
		mode     uint32
		gid, uid int
		want     bool
	}{
		{0o700, 100, 1000, false},
		{0o755, 100, 1000, false},
		{0o775, 1000, 1000, false}, // umask 002
		{0o775, 100, 1000, true},
		{0o770, 0, 1000, true},
		{0o775, 0, 0, true},
		{0o777, 1000, 1000, true},
		{0o702, 1000, 1000, true},
	} {
		if got := shared(fs.FileMode(tt.mode), ownGroup(tt.gid, tt.uid)); got != tt.want {
			t.Errorf("%04o of group %d for user %d: %v", tt.mode, tt.gid, tt.uid, got)
		}
	}
}

// TestAGroupsFolder asks the file system.
func TestAGroupsFolder(t *testing.T) {
	dir, uid, gid := t.TempDir(), os.Geteuid(), os.Getegid()
	if err := os.Chown(dir, -1, gid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if err := private(dir); (err != nil) == ownGroup(gid, uid) {
		t.Errorf("group %d, user %d: %v", gid, uid, err)
	}
}
