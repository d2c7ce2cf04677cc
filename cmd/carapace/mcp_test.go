package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// notesServer is the argument by which this test's own binary is the server of the page about MCP.
const notesServer = "serve-notes"

// serveNotes answers on standard input and output.
func serveNotes() {
	s := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1.0.0"}, nil)
	closed := false
	for name, a := range map[string]*mcp.ToolAnnotations{"find": {ReadOnlyHint: true}, "erase": {OpenWorldHint: &closed}} {
		s.AddTool(&mcp.Tool{Name: name, InputSchema: map[string]any{"type": "object"}, Annotations: a}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "key " + os.Getenv("NOTES_KEY")}}}, nil
		})
	}
	_ = s.Run(context.Background(), &mcp.StdioTransport{}) // it ends with its input
}

// TestMCPPage executes every command of the page about MCP, and reads the settings that it shows.
func TestMCPPage(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	state := stateDir(t)
	serve(t, state)
	bin, ran := path(t), 0
	local := strings.NewReplacer("-- notes-server", "-- "+self+" "+notesServer)
	for _, b := range blocks(t, "docs/mcp.md") {
		switch b.language + b.kind {
		case "console":
			ran += play(t, state, bin, b.text, local)
		case "jsonsettings":
			if _, err := config.Parse([]byte(b.text)); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran != 6 {
		t.Errorf("%d commands were found on the page", ran)
	}
}

// TestMCPIsTold what cannot be.
func TestMCPIsTold(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for want, args := range map[string][]string{
		"a server's name is a letter":         {"add", "Big", "https://tools.example.org/mcp"},
		"is no address such as":               {"add", "lab", "ftp://tools.example.org"},
		"write NAME=VALUE":                    {"add", "lab", "https://tools.example.org/mcp", "--header", "x"},
		"are for a server with a url":         {"add", "lab", "lab-server", "--header", "x=y"},
		"must be reads, writes, spends":       {"add", "lab", "lab-server", "--effects", "harm"},
		"there is no MCP server \"lab\"":      {"test", "lab"},
		"give --value env:VARIABLE":           {"login", "lab", "key"},
		"mcp.servers.lab is not set":          {"remove", "lab"},
		"`carapace mcp list` shows which the": {"login", "lab", "key", "--value", "env:GOOD"},
	} {
		if r := carapace(t, state, append([]string{"mcp"}, args...)...); r.code == 0 || !strings.Contains(r.err, want) {
			t.Errorf("mcp %v: %d %s%s, not %q", args, r.code, r.out, r.err, want)
		}
	}
}
