//go:build !unix

package main

import "os"

// makePipe makes a folder: a plugin's folder can hold no pipe here, and that is no plain file either.
func makePipe(path string) error { return os.Mkdir(path, 0o700) }
