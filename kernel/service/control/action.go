package control

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

// action is a request that is a method of the protocol.
type action struct {
	verb string
	path string // in which {x} is a segment that becomes the parameter x
	// method is the protocol's. Its other parameters are the query's, or the body's of a change.
	method string
	// read makes the parameters of the body, in place of taking it as it is.
	read func(body json.RawMessage) (map[string]json.RawMessage, error)
}

// actions are all that there are.
func actions() []action {
	get, post := http.MethodGet, http.MethodPost
	return []action{
		{get, "status", "status", nil},
		{get, "health", "health", nil},
		{get, "doctor", "doctor", nil},
		{get, "channels", "channels.status", nil},
		{post, "channels/{channel}/start", "channels.start", nil},
		{post, "channels/{channel}/stop", "channels.stop", nil},
		{post, "channels/{channel}/login", "channels.login", nil},
		{post, "channels/{channel}/logout", "channels.logout", nil},
		{get, "config", "config.get", nil},
		{http.MethodPatch, "config", "config.patch", patch},
		{get, "sessions", "sessions.list", nil},
		{post, "sessions/{key}/reset", "sessions.reset", nil},
		{post, "sessions/{key}/compact", "sessions.compact", nil},
		{post, "sessions/{key}/archive", "sessions.archive", nil},
		{post, "sessions/{key}/delete", "sessions.delete", nil},
		{get, "plugins", "plugins.status", nil},
		{get, "plugins/{id}", "plugins.info", nil},
		{post, "plugins/{id}/update", "plugins.update", nil},
		{post, "plugins/{id}/rollback", "plugins.rollback", nil},
		{post, "plugins/{id}/uninstall", "plugins.uninstall", nil},
		{get, "tasks", "tasks.list", nil},
		{get, "tasks/{taskId}", "tasks.get", nil},
		{post, "tasks/{taskId}/cancel", "tasks.cancel", nil},
		{get, "mcp", "mcp.status", nil},
	}
}

// otherMethod is the error of a path that other HTTP methods have.
type otherMethod struct{ allowed []string }

func (e *otherMethod) Error() string { return "use " + strings.Join(e.allowed, " or ") + " here" }

// find is the action of a request, and what its path says.
func find(verb, path string) (a action, values map[string]string, err error) {
	var allowed []string
	for _, a := range actions() {
		values, ok := match(a.path, path)
		if ok && a.verb == verb {
			return a, values, nil
		}
		if ok && !slices.Contains(allowed, a.verb) {
			allowed = append(allowed, a.verb)
		}
	}
	if len(allowed) > 0 {
		return a, nil, &otherMethod{allowed}
	}
	return a, nil, wit.Errorf(wit.CodeNotFound, "there is no /control/%.80s", path)
}

// match compares a path with a pattern.
func match(pattern, path string) (values map[string]string, ok bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	values = map[string]string{}
	for i, segment := range want {
		name, variable := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
		switch {
		case variable && have[i] != "":
			values[name] = have[i]
		case segment != have[i]:
			return nil, false
		}
	}
	return values, true
}

// params are the parameters of the method: of the path, and of the query or the body.
func (a action) params(w http.ResponseWriter, r *http.Request, values map[string]string) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if a.verb == http.MethodGet {
		for name, list := range r.URL.Query() {
			fields[name] = json.RawMessage(list[0])
			if !json.Valid(fields[name]) || strings.HasPrefix(list[0], "{") || strings.HasPrefix(list[0], "[") {
				fields[name] = quoted(list[0])
			}
		}
	} else {
		body, err := endpoint.Body(w, r)
		if err == nil && len(body) > 0 {
			err = endpoint.Read(body, &fields)
		}
		if err == nil && a.read != nil {
			fields, err = a.read(body)
		}
		if err != nil {
			return nil, err
		}
	}
	for name, value := range values {
		fields[name] = quoted(value)
	}
	return json.Marshal(fields)
}

func quoted(text string) json.RawMessage {
	b, _ := json.Marshal(text) // each text can be
	return b
}

// kept are the settings that decide whom the gateway trusts, what it runs as a program and where it listens: they are not a
// page's to change.
var kept = []string{"gateway", "secrets", "hooks", "mcp", "pluginPaths", "signers", "registries", "owners"}

// change is what a page says of the settings.
type change struct {
	// Path is of one setting, such as log.level, and Value what it is to be; null takes it away.
	Path     string          `json:"path"`
	Value    json.RawMessage `json:"value"`
	BaseHash string          `json:"baseHash"`
}

// patch makes of a change what config.patch takes.
func patch(body json.RawMessage) (map[string]json.RawMessage, error) {
	var c change
	if err := endpoint.Read(body, &c); err != nil {
		return nil, err
	}
	parts := strings.Split(c.Path, ".")
	switch {
	case c.Path == "" || slices.Contains(parts, ""):
		return nil, wit.NewError(wit.CodeInvalid, "path names a setting, such as log.level")
	case slices.Contains(kept, parts[0]):
		return nil, wit.Errorf(wit.CodeForbidden, "%s is not changed here: `carapace config set` changes it", parts[0])
	case len(c.Value) == 0:
		return nil, wit.NewError(wit.CodeInvalid, "value is what the setting is to be, or null to take it away")
	}
	raw := c.Value
	for i := len(parts) - 1; i >= 0; i-- {
		b, err := json.Marshal(map[string]json.RawMessage{parts[i]: raw})
		if err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "a change of the settings as JSON: %w", err)
		}
		raw = b
	}
	fields := map[string]json.RawMessage{"raw": quoted(string(raw))}
	if c.BaseHash != "" {
		fields["baseHash"] = quoted(c.BaseHash)
	}
	return fields, nil
}
