//go:build !unix

package file

const noTerminal = 0
