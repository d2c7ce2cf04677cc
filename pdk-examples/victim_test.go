package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/examples"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

const (
	victimVariable = "CARAPACE_TEST_STATE"
	configVariable = "CARAPACE_TEST_CONFIG"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimVariable); dir != "" {
		fmt.Fprintln(os.Stderr, runVictim(dir))
		os.Exit(1)
	}
	if err := examples.FindCompilers(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// runVictim is what the process does. It returns when the gateway ends by itself.
func runVictim(dir string) error {
	log, err := logs.New(logs.Config{Level: "warn", Console: os.Stderr})
	if err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(3, "listener")) // the first of ExtraFiles
	if err != nil {
		return err
	}
	brain := new(plugintest.Memory)
	brain.Put(kerneltest.Echo("echo"))
	options := kernel.Options{
		StateDir: dir, CacheDir: kerneltest.CacheDir(), ConfigText: []byte(os.Getenv(configVariable)), Version: "1.0.0",
		Log: log, Sources: []source.Source{brain}, Listener: listener,
	}
	kerneltest.JavaScript()(&options)
	k, err := kernel.New(context.Background(), options)
	if err != nil {
		return err
	}
	return k.Run(context.Background(), nil)
}

// victim is a gateway in a process of its own, this test's binary once more, to be killed.
type victim struct {
	t   *testing.T
	url string
	cmd *exec.Cmd
	log bytes.Buffer
}

// startVictim boots one whose plugins folder holds an example. Who dials it at once waits until it listens.
func startVictim(t *testing.T, dir, example, config string) *victim {
	t.Helper()
	drop(t, filepath.Join(dir, "plugins", example), example)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	v := &victim{t: t, url: "http://" + listener.Addr().String(), cmd: exec.CommandContext(t.Context(), os.Args[0])}
	v.cmd.ExtraFiles = []*os.File{file}
	v.cmd.Env = append(os.Environ(), victimVariable+"="+dir, configVariable+"="+config)
	v.cmd.Stderr = &v.log
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return v
}

// kill ends it with SIGKILL, which must not come too late.
func (v *victim) kill() {
	v.t.Helper()
	if err := v.cmd.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	if err := v.cmd.Wait(); err == nil || v.cmd.ProcessState.Exited() {
		v.t.Fatalf("the gateway ended by itself: %v\n%s", err, &v.log)
	}
}
