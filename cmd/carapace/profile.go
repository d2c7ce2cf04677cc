//go:build profile && unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// startProfiling makes SIGUSR1 begin a profile of the processor time, and end it. It is written to the file that
// CARAPACE_PROFILE names, and whole once the file "<name>.done" is there. It is built with -tags profile only.
func startProfiling() {
	path, signals := os.Getenv("CARAPACE_PROFILE"), make(chan os.Signal, 1)
	if path == "" {
		return
	}
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for {
			<-signals
			if err := profile(path, signals); err != nil {
				fmt.Fprintln(os.Stderr, "profile:", err)
			}
		}
	}()
}

// profile writes what happens until the next signal.
func profile(path string, end <-chan os.Signal) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	<-end
	pprof.StopCPUProfile()
	return os.WriteFile(path+".done", nil, 0o600)
}
