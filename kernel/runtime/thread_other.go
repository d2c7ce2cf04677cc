//go:build !linux

package runtime

// lowerThread does nothing: here a priority is the whole process's.
func lowerThread() bool { return false }
