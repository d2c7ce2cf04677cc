//go:build profile && unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"syscall"
)

// startProfiling makes SIGUSR1 begin a profile of the processor time, and end it. It is written to the file that
// CARAPACE_PROFILE names, what is in memory at the end to "<name>.heap", and both are whole once the file "<name>.done" is there. It is
// built with -tags profile only.
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
	if err := writeHeap(path + ".heap"); err != nil {
		return err
	}
	if err := writeClasses(path + ".memory"); err != nil {
		return err
	}
	return os.WriteFile(path+".done", nil, 0o600)
}

// writeHeap writes what is in memory after a collection.
func writeHeap(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	runtime.GC()
	return pprof.Lookup("heap").WriteTo(f, 0)
}

// writeClasses writes what the runtime has memory for, in bytes.
func writeClasses(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, d := range metrics.All() {
		s := []metrics.Sample{{Name: d.Name}}
		if metrics.Read(s); s[0].Value.Kind() == metrics.KindUint64 {
			fmt.Fprintln(f, d.Name, s[0].Value.Uint64())
		}
	}
	return nil
}
