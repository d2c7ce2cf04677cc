// Command protocol writes docs/protocol.md and docs/protocol.schema.json from what the gateway really
// promises: the method table and the events of a kernel in memory, the types of their payloads, and the doc
// comments of these types. Beside them it writes kernel/config/help_gen.go: what the comments say of the settings. It is run from the module's root, without arguments; the same source gives the
// same output, byte for byte.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/protocol"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "protocol:", err)
		os.Exit(1)
	}
}

// run generates into the module at root.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the documents by their paths in the module.
func generate(root string) (map[string][]byte, error) {
	contract, err := read()
	if err != nil {
		return nil, err
	}
	c, err := readComments(root)
	if err != nil {
		return nil, err
	}
	d := contract.Document()
	if err := describe(d, c); err != nil {
		return nil, err
	}
	schema, err := d.JSON()
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	(&writer{d: d, contract: contract, out: &page}).page()
	help, err := c.settings()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"docs/protocol.schema.json": schema, "docs/protocol.md": page.Bytes(), "kernel/config/help_gen.go": help}, nil
}

// read makes a kernel in memory and asks it; the kernel never runs.
func read() (protocol.Contract, error) {
	log, err := logs.New(logs.Config{})
	if err != nil {
		return protocol.Contract{}, err
	}
	ctx, stop := context.WithCancel(context.Background())
	k, err := kernel.New(ctx, kernel.Options{Version: "0.0.0", Log: log, Listener: gatewaytest.NewListener()})
	if err != nil {
		stop()
		return protocol.Contract{}, err
	}
	contract := k.Protocol()
	stop() // a run that has nothing to do closes what New has opened
	return contract, k.Run(ctx, nil)
}
