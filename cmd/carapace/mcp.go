package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/toolserver"
	"github.com/carapace-gateway/carapace/wit"
)

// newMCP looks after the MCP servers whose tools the agent has.
func newMCP(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "mcp", Short: "Give the agent the tools of MCP servers", Args: known, RunE: help,
		Long: "Look after the MCP servers whose tools the agent has beside those of plugins: servers on the network, and programs of this\n" +
			"machine that the gateway runs. They stand in the settings.",
	}
	var value string
	login := o.client(&cobra.Command{
		Use: "login NAME CREDENTIAL", Short: "Keep a credential of a server", Args: takes("NAME", "CREDENTIAL"),
		Long:              "Keep a credential, encrypted, that a server's headers or environment name as {{credential:CREDENTIAL}}.",
		Example:           "  carapace mcp login lab token --value env:LAB_TOKEN",
		ValidArgsFunction: o.complete(serverNames),
		RunE: func(c *cobra.Command, args []string) error {
			if value == "" {
				return usageError{errors.New("what is it? give --value env:VARIABLE, or --value - for standard input")}
			}
			secret, err := readSecret(o.in, value)
			if err != nil {
				return usageError{fmt.Errorf("--value: %w", err)}
			}
			return act(o, "mcp.login", fixed(toolserver.LoginParams{Name: args[0], Credential: args[1], Value: secret}), "kept")(c, args)
		},
	})
	login.Flags().StringVar(&value, "value", "", "where the credential is: env:VARIABLE, or - for standard input")
	c.AddCommand(newAddMCP(o), login,
		o.client(&cobra.Command{
			Use: "list", Short: "List the servers and how they are", Example: "  carapace mcp list", Args: takes(),
			RunE: show(o, "mcp.status", fixed(nil), printServers),
		}),
		o.client(&cobra.Command{
			Use: "test NAME", Short: "Connect to a server now, and list its tools", Example: "  carapace mcp test lab", Args: takes("NAME"),
			ValidArgsFunction: o.complete(serverNames),
			RunE:              func(c *cobra.Command, args []string) error { return testServer(c.Context(), o, args[0]) },
		}),
		o.client(&cobra.Command{
			Use: "remove NAME", Short: "Take a server out, with its credentials", Example: "  carapace mcp remove lab", Args: takes("NAME"),
			ValidArgsFunction: o.complete(serverNames),
			RunE:              func(c *cobra.Command, args []string) error { return removeServer(c.Context(), o, args[0]) },
		}),
	)
	return c
}

// newAddMCP adds a server to the settings.
func newAddMCP(o *options) *cobra.Command {
	var s config.MCPServer
	var headers, env, effects []string
	c := o.client(&cobra.Command{
		Use: "add NAME TARGET [ARG]...", Short: "Add a server: its URL, or a program and its arguments", Args: cobra.MinimumNArgs(2),
		Long: "Add a server whose tools the agent then has as NAME__tool: a URL, or a program of this machine with its arguments (after --\n" +
			"where one of them begins with a dash). A program runs as you, with your rights. What a server says of its tools is believed\n" +
			"as far as approvals ask about it: --effects says it in its place.",
		Example: "  carapace mcp add lab https://tools.example.org/mcp --header 'Authorization=Bearer {{credential:token}}'\n" +
			"  carapace mcp add files -- npx -y @modelcontextprotocol/server-filesystem /home/ann/notes",
		RunE: func(c *cobra.Command, args []string) error {
			if s.Command = args[1]; strings.Contains(args[1], "://") {
				s.URL, s.Command = args[1], ""
			}
			s.Args = args[2:]
			for _, e := range effects {
				s.Effects = append(s.Effects, wit.Effect(e))
			}
			var err error
			if s.Headers, err = pairs("--header", headers); err == nil {
				s.Env, err = pairs("--env", env)
			}
			if err != nil {
				return err
			}
			return putSetting(c.Context(), o, []string{"mcp", "servers", args[0]}, s)
		},
	})
	f := c.Flags()
	f.StringArrayVar(&headers, "header", nil, "a header NAME=VALUE of each request, in which {{credential:x}} may stand; can be repeated")
	f.StringArrayVar(&env, "env", nil, "a variable NAME=VALUE of the program's environment, likewise; can be repeated")
	f.StringVar(&s.Transport, "transport", "", "streamable (the default) or sse")
	f.BoolVar(&s.Private, "private", false, "the URL's host is on a private network")
	f.StringVar(&s.Dir, "dir", "", "where the program runs; your home directory when left out")
	f.StringSliceVar(&s.Allow, "allow", nil, "take these tools only, by the server's names")
	f.StringSliceVar(&s.Deny, "deny", nil, "do not take these tools")
	f.StringSliceVar(&effects, "effects", nil, "what its tools may do: reads, writes, spends, sends, executes")
	f.IntVar(&s.TimeoutSeconds, "timeout", 0, "how many seconds a call may take; 60 when left out")
	return c
}

// pairs reads NAME=VALUE.
func pairs(flag string, list []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("%s cannot be %.100q: write NAME=VALUE", flag, text)}
		}
		values[name] = value
	}
	return values, nil
}

// removeServer takes a server's settings away and forgets its credentials, of which there may be none.
func removeServer(ctx context.Context, o *options, name string) error {
	if err := unsetSetting(ctx, o, "mcp.servers."+name); err != nil {
		return err
	}
	err := o.call(ctx, "plugins.revoke", system.Revoke{ID: "@mcp", Account: name}, nil)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	return err
}

func testServer(ctx context.Context, o *options, name string) error {
	var raw json.RawMessage
	if err := o.call(ctx, "mcp.test", toolserver.NameParams{Name: name}, &raw); err != nil {
		return err
	}
	var s toolserver.Server
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read the answer of mcp.test: %w", err)
	}
	if s.State != "ready" {
		return wit.Errorf(wit.CodeUnavailable, "%s is not ready: %s", name, plain.Line(s.Problem))
	}
	return printAnswer(o, "mcp.test", raw, printServer)
}

func serverNames(ctx context.Context, o *options) (names []string, err error) {
	var list toolserver.StatusResult
	err = o.call(ctx, "mcp.status", nil, &list)
	for _, s := range list.Servers {
		names = append(names, s.Name)
	}
	return names, err
}

func printServers(w io.Writer, list toolserver.StatusResult) error {
	var rows [][]string
	for _, s := range list.Servers {
		rows = append(rows, []string{s.Name, s.State, fmt.Sprint(len(s.Tools)), s.Transport, s.Target, orDash(s.Problem)})
	}
	return listed(w, "SERVER STATE TOOLS TRANSPORT TARGET PROBLEM", rows, "no MCP server is configured: `carapace mcp add` adds one")
}

func printServer(w io.Writer, s toolserver.Server) error {
	var rows [][]string
	for _, t := range s.Tools {
		var effects []string
		for _, e := range t.Effects {
			effects = append(effects, string(e))
		}
		rows = append(rows, []string{t.Name, strings.Join(effects, ",")})
	}
	if err := listed(w, "TOOL EFFECTS", rows, plain.Line(s.Name)+" is ready and has no tools"); err != nil {
		return err
	}
	for _, line := range s.LeftOut {
		fmt.Fprintln(w, "! "+plain.Line(line))
	}
	return nil
}
