package conformance

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// maxAsked is how often a call may ask for something: one that polls is not to poll for ever.
const maxAsked = 1000

// gateway answers what a plugin asks for, from memory.
type gateway struct {
	t    *tester
	kept bool // what the plugin keeps, between calls

	mu       sync.Mutex
	export   string
	records  map[string]string
	asked    []asked
	wrong    []string
	script   func(n int, name string, param []byte) (answer []byte, err error, there bool) // goes before what follows
	response *wit.HTTPResponse                                                             // to all requests, where it is set
	stop     func(n int) bool                                                              // says of what is asked for the nth time that the call is given up then
}

// asked is something that a plugin asked for.
type asked struct {
	name  string
	param []byte
}

func newGateway(t *tester, kept bool) *gateway {
	return &gateway{t: t, kept: kept, records: map[string]string{}}
}

// begin makes the gateway ready for a call of an export.
func (g *gateway) begin(export string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.export, g.asked, g.wrong = export, nil, nil
	if !g.kept {
		g.records = map[string]string{}
	}
}

func (g *gateway) end() ([]asked, []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked, g.wrong
}

// functions are all imports of the contract.
func (g *gateway) functions() map[string]host.Function {
	table := map[string]host.Function{}
	for n := range g.t.contract.Imports {
		f := &g.t.contract.Imports[n]
		table[f.Name] = func(ctx context.Context, in []byte) ([]byte, error) { return g.answer(ctx, f, in) }
	}
	return table
}

// http serves PDKs that have a request function of their own.
func (g *gateway) http(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	f := &g.t.contract.Imports[slices.IndexFunc(g.t.contract.Imports, func(f contract.Function) bool { return f.Name == "http_request" })]
	out, err := g.answer(ctx, f, wit.Marshal(r))
	if err != nil {
		return nil, err
	}
	response := &wit.HTTPResponse{}
	return response, wit.Unmarshal(out, response)
}

// impure are the imports that a pure function is refused, as the gateway refuses them.
var impure = []string{"http", "socket", "message", "agent", "session", "tools"}

// answer answers f.
func (g *gateway) answer(ctx context.Context, f *contract.Function, in []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.Permission != "" && !g.t.manifest.Permissions.Has(f.Permission) {
		refused := "permission " + f.Permission + " is not granted: add " + wit.Asking(f.Permission) + " to the permissions in plugin.json"
		g.wrong = append(g.wrong, "it calls "+f.Name+", and "+refused)
		return nil, wit.NewError(wit.CodeForbidden, refused)
	}
	if e := wit.Export(g.export); e != nil && e.Pure && slices.Contains(impure, f.Capability) {
		g.wrong = append(g.wrong, "it calls "+f.Name+", which is refused to what is pure: answer with what is to be done instead")
		return nil, wit.Errorf(wit.CodeForbidden, "%s is pure: it may not call %s", g.export, f.Name)
	}
	if len(g.asked) >= maxAsked {
		return nil, wit.ErrorAfter(wit.CodeRateLimited, 1, "%s has asked for %d things in one call", g.export, maxAsked)
	}
	if f.Name == "log_write" {
		return nil, nil
	}
	n := len(g.asked)
	g.asked = append(g.asked, asked{f.Name, slices.Clone(in)})
	if g.stop != nil && g.stop(n) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if g.script != nil {
		if out, err, there := g.script(n, f.Name, in); there {
			return out, err
		}
	}
	param := contract.New(f.Param)
	if err := wit.Unmarshal(in, param); err != nil {
		return nil, err
	}
	if err := param.Validate(); err != nil {
		return nil, err
	}
	return g.serve(f, param)
}

// serve is what a gateway in which all is well answers.
func (g *gateway) serve(f *contract.Function, param contract.Record) ([]byte, error) {
	switch p := param.(type) {
	case *wit.ConfigScope:
		return wit.Marshal(&wit.ConfigSection{Value: g.t.samples.config}), nil
	case *wit.KVKey:
		if f.Name == "kv_delete" {
			delete(g.records, p.Key)
			return []byte(`{"ok":true}`), nil
		}
		value := &wit.KVValue{}
		if text, there := g.records[p.Key]; there {
			value.Value = &text
		}
		return wit.Marshal(value), nil
	case *wit.KVEntry:
		g.records[p.Key] = p.Value
	case *wit.KVPrefix:
		keys := &wit.KVKeys{}
		for key := range g.records {
			if strings.HasPrefix(key, p.Prefix) {
				keys.Keys = append(keys.Keys, key)
			}
		}
		sort.Strings(keys.Keys)
		return wit.Marshal(keys), nil
	case *wit.HTTPRequest:
		response := wit.HTTPResponse{ID: p.ID, Status: 200, Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}, Text: new("{}")}
		if g.response != nil {
			response = *g.response
			response.ID = p.ID
		}
		return wit.Marshal(&response), nil
	case *wit.RunQuery:
		return wit.Marshal(&wit.RunOutcome{Run: p.Run, State: wit.RunStateDone, Text: "done"}), nil
	}
	if f.Result == "" || f.Result == "Done" {
		return []byte(`{"ok":true}`), nil
	}
	return g.sample(f), nil
}

// sample is an answer that the contract makes.
func (g *gateway) sample(f *contract.Function) []byte {
	b, err := json.Marshal(g.t.samples.record(f.Result, usual))
	if err != nil {
		return []byte("{}")
	}
	return b
}
