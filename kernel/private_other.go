//go:build !unix

package kernel

// private has no modes to look at here.
func private(...string) error { return nil }

// syncFolder has nothing to do: NTFS journals names.
func syncFolder(string) error { return nil }
