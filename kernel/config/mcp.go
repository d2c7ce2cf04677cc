package config

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// MCP is whose tools the agent has beside those of plugins.
type MCP struct {
	// Servers are servers of the Model Context Protocol, each under a name of the owner's. Their tools are called
	// name__tool.
	Servers map[string]MCPServer `json:"servers,omitempty"`
}

// MCPServer is one server: a URL, or a program of this machine that the gateway runs as the owner.
type MCPServer struct {
	// Enabled is true when left out.
	Enabled *bool `json:"enabled,omitempty"`
	// URL is where the server listens, such as https://tools.example.org/mcp.
	URL string `json:"url,omitempty"`
	// Transport is "streamable" (the default) or "sse", which older servers speak.
	Transport string `json:"transport,omitempty"`
	// Private says that the URL may be plain http and its host may be on a private network. An address that is one, such as
	// http://127.0.0.1:8000, says so itself.
	Private bool `json:"private,omitempty"`
	// Headers are sent with each request. {{credential:name}} in them stands for a credential that `carapace mcp login` keeps.
	Headers map[string]string `json:"headers,omitempty"`
	// Command is the program, Args are its arguments and Dir is where it runs: the home directory when empty.
	Command string   `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Dir     string   `json:"dir,omitempty"`
	// Env is what the program's environment has beside PATH, HOME and the like; {{credential:name}} as in Headers. Nothing else
	// of the gateway's environment is there.
	Env map[string]string `json:"env,omitempty"`
	// Allow are the only tools that are taken of the server, all when empty; Deny are those that are not. Both are by the
	// server's own names.
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
	// Effects are what a call of any of its tools may do (reads, writes, spends, sends, executes), whatever the server says
	// of them.
	Effects []wit.Effect `json:"effects,omitempty"`
	// TimeoutSeconds is how long a call may take, 60 when 0.
	TimeoutSeconds int `json:"timeoutSeconds,omitempty"`
}

// On reports whether the server is used.
func (m MCPServer) On() bool { return m.Enabled == nil || *m.Enabled }

const (
	maxMCPServers = 32
	maxMCPTimeout = 600
)

var (
	mcpName    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)
	envName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]{1,64}$`)
)

// check names the first value that cannot be.
func (m MCP) check() *fieldError {
	if len(m.Servers) > maxMCPServers {
		return wrong("mcp.servers", "there may be %d", maxMCPServers)
	}
	for name, s := range m.Servers {
		where := []string{"mcp", "servers", name}
		if !mcpName.MatchString(name) {
			return &fieldError{where, "a server's name is a letter and up to 23 lower-case letters, digits and -"}
		}
		if wrong := s.check(where); wrong != nil {
			return wrong
		}
	}
	return nil
}

func (m MCPServer) check(where []string) *fieldError {
	at := func(field ...string) []string { return append(where[:len(where):len(where)], field...) }
	switch {
	case (m.URL == "") == (m.Command == ""):
		return &fieldError{where, "needs a url or a command, and not both"}
	case m.URL != "" && !webURL(m.URL):
		return &fieldError{at("url"), "is no address such as https://tools.example.org/mcp"}
	case m.Command != "" && len(m.Headers) > 0:
		return &fieldError{at("headers"), "are for a server with a url: a command has env"}
	case m.URL != "" && len(m.Env)+len(m.Args)+len(m.Dir) > 0:
		return &fieldError{where, "args, env and dir are for a command: a server with a url has headers"}
	case m.TimeoutSeconds < 0 || m.TimeoutSeconds > maxMCPTimeout:
		return &fieldError{at("timeoutSeconds"), "must be from 0 to 600"}
	}
	if wrong := oneOf(at("transport"), m.Transport); wrong != nil {
		return wrong
	}
	for _, e := range m.Effects {
		if !e.Valid() {
			return &fieldError{at("effects"), "must be reads, writes, spends, sends or executes"}
		}
	}
	if wrong := given(at("headers"), m.Headers, headerName, "a header's name"); wrong != nil {
		return wrong
	}
	return given(at("env"), m.Env, envName, "a name in an environment")
}

// given looks at the names and values of headers, or of an environment.
func given(where []string, values map[string]string, names *regexp.Regexp, what string) *fieldError {
	for name, value := range values {
		at := append(where[:len(where):len(where)], name)
		switch {
		case !names.MatchString(name):
			return &fieldError{at, "is not " + what}
		case value == redacted:
			return &fieldError{at, redacted + " stands for a value that is not shown: write the value itself"}
		case strings.ContainsAny(value, "\x00\r\n"):
			return &fieldError{at, "is more than one line"}
		}
	}
	return nil
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.Fragment == ""
}
