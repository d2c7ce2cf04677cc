package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// stdio is where a command reads and writes. Answers go to out; err is for people only, so that out can be
// piped into another program.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// options are the flags that commands share, and what every command needs to do its work: to connect and to
// print. Cobra fills them in before a command runs; nothing changes them afterwards.
type options struct {
	stdio
	state stateFolder
	// url and token say which gateway, where the state directory does not; see gateway.
	url, token string
	// json asks for output that programs read: one value on out, and nothing else there.
	json bool
}

// client adds the flags of a command that speaks to a running gateway.
func (o *options) client(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&o.url, "url", os.Getenv("CARAPACE_GATEWAY_URL"), "the gateway, such as ws://127.0.0.1:18789 (found by the state directory when left out)")
	c.Flags().StringVar(&o.token, "token", "", "the gateway's token ($CARAPACE_GATEWAY_TOKEN)")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// dial connects to the gateway that is meant. The caller closes the connection. The error is an
// unreachableError where nobody answers.
func (o *options) dial(ctx context.Context) (*client.Client, error) {
	return gateway{state: o.state, url: o.url, token: o.token}.dial(ctx)
}

// call makes one call on a connection of its own.
func (o *options) call(ctx context.Context, method string, params, out any) error {
	c, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, params, out)
}

// callHearing is call that hands what the gateway tells meanwhile to hear, which returns before it does.
func (o *options) callHearing(ctx context.Context, method string, params, out any, hear func(client.Event)) error {
	c, err := o.dial(ctx)
	if err != nil {
		return err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for e := range c.Events() {
			hear(e)
		}
	}()
	err = c.Call(ctx, method, params, out)
	_ = c.Close()
	<-heard
	return err
}

// readText reads all of a text of at most so many bytes.
func readText(from io.Reader, most int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("standard input has more than %s, which is all that is taken", size(most))
	}
	return string(b), err
}

// printJSON writes v for a program to read. Angle brackets stay as they are: no browser reads this.
func (o *options) printJSON(v any) error {
	e := json.NewEncoder(o.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// println prints one line.
func (o *options) println(text string) error {
	_, err := fmt.Fprintln(o.out, text)
	return err
}

// stateFolder is the folder in which a gateway keeps all that it knows. A client on the same machine reads there
// where the gateway listens and with which token.
type stateFolder string

// path is a file of the folder, whether or not it exists.
func (d stateFolder) path(name string) string { return filepath.Join(string(d), name) }

// configPath is the config file's: the environment's, or the one in the folder. Only serve has a flag for it.
func (d stateFolder) configPath() string { return env("CARAPACE_CONFIG_PATH", d.path("carapace.json")) }

// defaultStateDir is where the state is when no flag says so.
func defaultStateDir() string { return env("CARAPACE_STATE_DIR", config.DefaultStateDir()) }

// env is an environment variable. An empty one counts as not set, so that a script can switch it off.
func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
