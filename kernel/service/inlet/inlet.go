// Package inlet is where programs tell the gateway something over HTTP: POST /hooks/wake says something to the main session,
// POST /hooks/agent asks for a run, and POST /hooks/<path> does what a mapping of the owner's makes of the call.
//
// A caller shows the token of the hooks, which lets in to nothing else. Each call that is taken is durable before it is
// answered: a run, or a system event. A call with an idempotency key is one, however often it is made within a week, also across a
// restart; the answer is the same, and its transform is not asked again.
// It is bounded to 256 KiB. The settings are those of the moment, but for the path, which is that of the start. Everything is
// safe for concurrent use.
package inlet

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	maxBody = 256 << 10
	maxKey  = 512
)

// Runs are what calls come to: *run.Service.
type Runs interface {
	Start(ctx context.Context, j run.Job) (run.Run, error)
	Tell(ctx context.Context, e run.SystemEvent) error
	Address(ctx context.Context, j run.Job) (*message.Origin, error)
}

// Transform calls a tool with a call, and returns the text that it answers. Errors: as the tool's.
type Transform func(ctx context.Context, tool string, call wit.JSON) (string, error)

// Deps is what the service uses.
type Deps struct {
	Path      string // /hooks when empty
	Settings  func() config.Hooks
	Store     store.Store
	Runs      Runs
	Transform Transform
	// Answers refuses a session or an agent that there is not; Model returns the full name of a model, or refuses it.
	Answers func(sessionKey, agent string) error
	Model   func(ctx context.Context, name string) (string, error)
	Log     hclog.Logger
}

// Service takes calls.
type Service struct {
	Deps
	log     hclog.Logger
	answers *answers
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	if d.Path == "" {
		d.Path = "/hooks"
	}
	return &Service{Deps: d, log: d.Log.Named("hooks"), answers: &answers{store: d.Store, busy: map[string]chan struct{}{}}}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "inlet", Routes: []service.Route{{Pattern: s.Path + "/*", Handler: s, MaxBody: maxBody}}}
}

// failed is the answer to a call that was not taken.
type failed struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

// call is one call, read.
type call struct {
	path    string
	request *http.Request
	body    json.RawMessage
	// id makes the same call one; own says that the caller has named it.
	id  string
	own bool
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	settings := s.Settings()
	switch {
	case !settings.On():
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	case r.URL.Query().Has("token"):
		s.refuse(w, wit.NewError(wit.CodeInvalid, "a token in the address ends up in logs: send it in the header Authorization, as Bearer"))
		return
	case !knows(r, settings.Token):
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	if !endpoint.Allows(w, r, http.MethodPost) {
		return
	}
	c := call{path: strings.Trim(strings.TrimPrefix(r.URL.Path, s.Path+"/"), "/"), request: r}
	err := endpoint.Decode(w, r, &c.body)
	if err == nil {
		err = c.identify()
	}
	switch {
	case err == nil && c.own:
		err = s.once(w, settings, c)
	case err == nil:
		err = s.take(w, settings, c)
	}
	if err != nil {
		s.refuse(w, err)
	}
}

// once takes a call that its caller has named, unless it was taken before: then it is answered as it was. The answer is kept
// before it is given; what was refused may be tried again.
func (s *Service) once(w http.ResponseWriter, settings config.Hooks, c call) error {
	ctx := c.request.Context()
	leave, err := s.answers.enter(ctx, c.id)
	if err != nil {
		return err
	}
	defer leave()
	k, found, err := s.answers.find(ctx, c.id)
	if err != nil {
		return err
	}
	if !found {
		h := &held{header: w.Header()}
		if err := s.take(h, settings, c); err != nil {
			return err
		}
		if k = h.kept(); k.Status < http.StatusMultipleChoices {
			if err := s.answers.keep(ctx, c.id, k); err != nil {
				return err
			}
		}
	}
	k.give(w)
	return nil
}

func (s *Service) refuse(w http.ResponseWriter, err error) {
	e := endpoint.Said(err)
	if e.Code == wit.CodeInternal {
		s.log.Error("call failed", "error", err)
	}
	status := endpoint.Status(w.Header(), e)
	if e.Code == wit.CodeNotFound {
		status = http.StatusBadRequest // the path was found; what the call names was not
	}
	endpoint.Write(w, status, failed{Error: e.Message})
}

// knows reports whether a request shows the token, in a time that does not depend on it.
func knows(r *http.Request, token string) bool {
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		for _, name := range []string{"X-Carapace-Token", "X-OpenClaw-Token", "X-Clawdbot-Token"} {
			if given = r.Header.Get(name); given != "" {
				break
			}
		}
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// identify reads the key by which a caller names a call: a header, or a field of the body.
func (c *call) identify() error {
	var body struct {
		IdempotencyKey string `json:"idempotencyKey"`
	}
	_ = json.Unmarshal(c.body, &body) // who reads the rest says what is wrong with it
	key := c.request.Header.Get("Idempotency-Key")
	if key == "" {
		key = body.IdempotencyKey
	}
	if len(key) > maxKey {
		return wit.Errorf(wit.CodeInvalid, "an idempotency key may have %d bytes", maxKey)
	}
	c.id = strings.ReplaceAll(uuid.NewString(), "-", "")
	if key != "" {
		sum := sha256.Sum256([]byte(c.path + "\x00" + key))
		c.id, c.own = hex.EncodeToString(sum[:16]), true
	}
	return nil
}

// take does what a call asks for.
func (s *Service) take(w http.ResponseWriter, settings config.Hooks, c call) error {
	switch c.path {
	case "wake":
		return s.wakeCall(w, c)
	case "agent":
		return s.agentCall(w, settings, c)
	}
	for _, m := range settings.Mappings {
		if fits(m.Match, c) {
			return s.mapped(w, settings, m, c)
		}
	}
	http.Error(w, "Not Found", http.StatusNotFound)
	return nil
}
