// Package openai answers programs that were written for OpenAI's HTTP API: /v1/chat/completions, /v1/responses,
// /v1/embeddings and /v1/models.
//
// A request is a run like any other, durable and in a session: one of its own, the one of the request's user, or the one that
// a header names. It ends when its client goes away. The agent answers with all that it has, its tools included; tools that the
// request brings are the client's to call: the run ends with the calls, and goes on in the request that has their results.
// A session has its history itself: where it has one, a request adds what follows the last answer in it, and the history is
// what the request says where it has none.
//
// Bounds: 20 MiB a request, 1,000 messages, 128 tools, 16 pictures. Everything is safe for concurrent use.
package openai

import (
	"context"
	"net/http"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// maxBody is how many bytes a request may have.
const maxBody = 20 << 20

// Runs queues runs and tells of them: *run.Service.
type Runs interface {
	Submit(ctx context.Context, q run.Request) (run.Receipt, error)
	Wait(ctx context.Context, id string) (run.Run, error)
	Find(ctx context.Context, id string) (run.Run, error)
	Stop(ctx context.Context, which run.Selection, reason string) ([]string, error)
}

// Media keeps pictures that come with a request.
type Media interface {
	Put(ctx context.Context, mime, name string, data []byte) (string, error)
	// FetchURL keeps a file of the web that has at most so many bytes and one of the types. It reaches public addresses only, by
	// https.
	FetchURL(ctx context.Context, address string, most int64, types ...string) (id, mimeType string, err error)
}

// Deps is what the service uses.
type Deps struct {
	Admit    endpoint.Admission
	Sessions *session.Service
	Runs     Runs
	Watch    *agent.Watch
	Models   *agent.Models
	Media    Media
	Log      hclog.Logger
}

// Service answers requests.
type Service struct {
	Deps
	log hclog.Logger
}

// New returns the service; it starts nothing.
func New(d Deps) *Service { return &Service{Deps: d, log: d.Log.Named("openai")} }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "openai", Routes: []service.Route{
		{Pattern: "/v1/chat/completions", Handler: s.post(s.completions), MaxBody: maxBody},
		{Pattern: "/v1/responses", Handler: s.post(s.respond), MaxBody: maxBody},
		{Pattern: "/v1/embeddings", Handler: s.post(s.embeddings), MaxBody: maxBody},
		{Pattern: "/v1/models", Handler: s.get(s.listModels)},
		{Pattern: "/v1/models/*", Handler: s.get(s.showModel)},
	}}
}

// handler answers a request of somebody who may ask, unless it returns an error.
type handler func(http.ResponseWriter, *http.Request) error

func (s *Service) post(h handler) http.Handler { return s.serve(http.MethodPost, h) }

func (s *Service) get(h handler) http.Handler { return s.serve(http.MethodGet, h) }

func (s *Service) serve(method string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := s.Admit(r)
		if err == nil && r.Method != method {
			w.Header().Set("Allow", method)
			fail(w, http.StatusMethodNotAllowed, failure{Message: "use " + method + " here", Type: invalidRequest})
			return
		}
		if err == nil {
			err = h(w, r)
		}
		if err == nil {
			return
		}
		if wit.CodeOf(err) == wit.CodeInternal {
			s.log.Error("request failed", "path", r.URL.Path, "error", err)
		}
		refuse(w, err)
	})
}
