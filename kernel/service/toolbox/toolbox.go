// Package toolbox lets programs call the agent's tools over HTTP: POST /tools/invoke.
//
// A call is made as a model's is: the same hooks see it, the same approvals are asked for, and the same bounds hold. It belongs
// to a session and is not recorded in its history. It ends when the caller goes away. Everything is safe for concurrent use.
package toolbox

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	maxBody = 1 << 20
)

// Deps is what the service uses.
type Deps struct {
	Admit endpoint.Admission
	Tools endpoint.Tools
	Log   hclog.Logger
}

// Service makes calls.
type Service struct {
	Deps
	log hclog.Logger
}

// New returns the service; it starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, log: d.Log.Named("tools")} }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "toolbox", Routes: []service.Route{
		{Pattern: "/tools/invoke", Handler: http.HandlerFunc(s.serve), MaxBody: maxBody},
	}}
}

// request is what is asked of /tools/invoke.
type request struct {
	// Tool is the tool's name; some callers say Name.
	Tool string `json:"tool"`
	Name string `json:"name"`
	// Action is put among the arguments, for tools that do several things.
	Action string `json:"action"`
	// Args are the arguments; what is no object is taken for none.
	Args       json.RawMessage `json:"args"`
	SessionKey string          `json:"sessionKey"`
	// DryRun says what would be called, and calls nothing.
	DryRun bool `json:"dryRun"`
}

// done answers a call that was made.
type done struct {
	OK     bool   `json:"ok"`
	Result result `json:"result"`
}

// result is what a tool answered, or with DryRun what would be called.
type result struct {
	Content []wit.Part `json:"content"`
	DryRun  *planned   `json:"dryRun,omitempty"`
}

// planned is a call that is not made.
type planned struct {
	Tool       string       `json:"tool"`
	Args       wit.JSON     `json:"args"`
	SessionKey session.Key  `json:"sessionKey"`
	Effects    []wit.Effect `json:"effects"`
}

// failed answers a call that was not made, or failed.
type failed struct {
	OK    bool    `json:"ok"`
	Error problem `json:"error"`
}

type problem struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	if _, err := s.Admit(r); err != nil {
		s.refuse(w, err)
		return
	}
	if !endpoint.Allows(w, r, http.MethodPost) {
		return
	}
	var q request
	err := endpoint.Decode(w, r, &q)
	if err == nil {
		err = s.invoke(w, r, q)
	}
	if err != nil {
		s.refuse(w, err)
	}
}

// invoke makes the call.
func (s *Service) invoke(w http.ResponseWriter, r *http.Request, q request) error {
	if q.Tool == "" {
		q.Tool = q.Name
	}
	if q.Tool == "" {
		return wit.NewError(wit.CodeInvalid, "tools.invoke requires body.tool")
	}
	key, err := s.Tools.Session(q.SessionKey)
	if err != nil {
		return err
	}
	args := arguments(q)
	if q.DryRun {
		return s.plan(w, q.Tool, args, key)
	}
	out, err := s.Tools.Invoke(r.Context(), wit.HookContext{Agent: key.Agent(), Session: string(key)}, q.Tool, args)
	switch {
	case err != nil:
		return err
	case out.Failed:
		endpoint.Write(w, http.StatusBadRequest, failed{Error: problem{"tool_error", session.Message{Parts: out.Content}.Text()}})
	default:
		endpoint.Write(w, http.StatusOK, done{true, result{Content: out.Content}})
	}
	return nil
}

// plan says what would be called.
func (s *Service) plan(w http.ResponseWriter, name string, args wit.JSON, key session.Key) error {
	list := s.Tools.List(key.Agent())
	i := slices.IndexFunc(list, func(d wit.ToolDefinition) bool { return d.Name == name })
	if i < 0 {
		return wit.Errorf(wit.CodeNotFound, "there is no tool %.80q", name)
	}
	endpoint.Write(w, http.StatusOK, done{true, result{Content: []wit.Part{}, DryRun: &planned{name, args, key, list[i].Effects}}})
	return nil
}

// arguments are those of a request: an object, with the action in it.
func arguments(q request) wit.JSON {
	args := map[string]json.RawMessage{}
	_ = json.Unmarshal(q.Args, &args) // what is no object is taken for none
	if args == nil {
		args = map[string]json.RawMessage{}
	}
	if _, has := args["action"]; q.Action != "" && !has {
		text, _ := json.Marshal(q.Action) // a string has JSON
		args["action"] = text
	}
	text, _ := json.Marshal(args) // it came from JSON
	return text
}

// refuse answers with an error.
func (s *Service) refuse(w http.ResponseWriter, err error) {
	e := endpoint.Said(err)
	status, kind := endpoint.Status(w.Header(), e), "tool_error"
	switch e.Code {
	case wit.CodeInternal:
		s.log.Error("call failed", "error", err)
	case wit.CodeNotFound:
		kind = "not_found"
	case wit.CodeForbidden:
		kind = "forbidden"
	case wit.CodeUnauthorized:
		kind = "unauthorized"
	}
	endpoint.Write(w, status, failed{Error: problem{kind, e.Message}})
}
