package kernel_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	victimVariable   = "CARAPACE_TEST_STATE"
	platformVariable = "CARAPACE_TEST_PLATFORM"
	earsVariable     = "CARAPACE_TEST_EARS"
	servingVariable  = "CARAPACE_TEST_SERVING"
)

// runVictim is what the process does. It returns the exit code when it ends by itself.
func runVictim() int {
	settings := fmt.Appendf(nil, `{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}},"secrets":{"keyring":false}}`, os.Getenv(platformVariable))
	log, err := logs.New(logs.Config{Level: "warn", Console: os.Stderr})
	if err != nil {
		panic(err)
	}
	plugins := new(plugintest.Memory)
	plugins.Put(kerneltest.Channel("chat", func(m *wit.Manifest) { m.Provides.Channel.Deduplicates = false }))
	plugins.Put(kerneltest.Echo("echo"))
	if url := os.Getenv(earsVariable); url != "" {
		plugins.Put(listener(url))
	}
	o := kernel.Options{StateDir: os.Getenv(victimVariable), ConfigText: settings, Version: "1.0.0",
		Log: log, Sources: []source.Source{plugins}, Listener: gatewaytest.NewListener()}
	ready := func(kernel.Endpoint) {}
	if os.Getenv(servingVariable) != "" {
		ready = serve(&o)
	}
	k, err := kernel.New(context.Background(), o)
	if err == nil {
		err = k.Run(context.Background(), ready)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// serve has the victim listen on a port of this machine, with a config file, and print where.
func serve(o *kernel.Options) (ready func(kernel.Endpoint)) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	kerneltest.JavaScript()(o)
	kerneltest.Cache(kerneltest.CacheDir())(o)
	o.Listener, o.ConfigText, o.ConfigPath = port, nil, filepath.Join(o.StateDir, "carapace.json")
	o.Override = func(c *config.Config) {
		off := false
		c.Gateway.Token, c.Secrets.Keyring = kerneltest.Token, &off
	}
	return func(kernel.Endpoint) { fmt.Println("ws://" + port.Addr().String()) }
}

// victim is a gateway in a process of its own, this test's binary once more, to be killed.
type victim struct {
	t   *testing.T
	cmd *exec.Cmd
	log bytes.Buffer
}

// prepare gives a state directory the credential that the channel needs.
func prepare(t *testing.T, dir string) {
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Channel("chat")))
	setToken(k.Listen())
	k.Stop()
}

func startVictim(t *testing.T, p *kerneltest.Platform, dir string, more ...string) *victim {
	v := &victim{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0])}
	v.cmd.Env = append(append(os.Environ(), victimVariable+"="+dir, platformVariable+"="+p.URL), more...)
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
