// Package resident gives memory of the process back to the system that is used once, at a start, in a burst or when something is
// loaded, and sets when garbage is collected.
package resident

// Trim gives back the pages of files that are mapped and never written: the program's code and its constants, among them what is
// embedded, and the machine code of plugins. Those that are used again are there again, from the file: it costs a moment, and
// nothing is lost. It may be called at any time, by several at once, and does nothing on systems other than Linux.
func Trim() { trim() }
