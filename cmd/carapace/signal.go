package main

import (
	"os"
	"os/signal"
	"syscall"
)

// endings are the signals that end a command in order: Ctrl-C, a request to stop, and the end of its terminal, unless it was started
// so as to outlive that, as with nohup.
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}
