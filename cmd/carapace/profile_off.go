//go:build !profile || !unix

package main

// startProfiling does nothing: profiles are for measuring, and cost a signal handler.
func startProfiling() {}
