package openai

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// model is a model as this API lists it.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type modelList struct {
	Object string  `json:"object"`
	Data   []model `json:"data"`
}

// models are those who answer, the default one first, and what the providers have. When a model was made is not known.
func (s *Service) models(ctx context.Context) []model {
	settings := s.Sessions.Settings()
	own := clients()[0]
	list := []model{{ID: own, Object: "model", OwnedBy: own}}
	main, _ := settings.Agent("") // the default one is always there
	for _, id := range append([]string{main}, settings.Agents...) {
		list = append(list, model{ID: own + "/" + id, Object: "model", OwnedBy: own})
	}
	for _, p := range s.Models.Configured() {
		names := []string{}
		if p.Facts.DefaultModel != nil {
			names = append(names, *p.Facts.DefaultModel)
		}
		known, err := s.Models.List(ctx, p.ID, false)
		if err != nil {
			s.log.Debug("models of a provider not listed", "provider", p.ID, "error", err)
		}
		for _, m := range s.Models.Known(p, known) {
			names = append(names, m.ID)
			if m.Alias != "" {
				list = append(list, model{ID: m.Alias, Object: "model", OwnedBy: p.ID})
			}
		}
		for i, name := range names {
			if !slices.Contains(names[:i], name) {
				list = append(list, model{ID: session.ModelName(p.ID, name), Object: "model", OwnedBy: p.ID})
			}
		}
	}
	return list
}

func (s *Service) listModels(w http.ResponseWriter, r *http.Request) error {
	endpoint.Write(w, http.StatusOK, modelList{"list", s.models(r.Context())})
	return nil
}

func (s *Service) showModel(w http.ResponseWriter, r *http.Request) error {
	id := strings.TrimPrefix(r.URL.Path, "/v1/models/")
	list := s.models(r.Context())
	i := slices.IndexFunc(list, func(m model) bool { return m.ID == id })
	if i < 0 {
		return wit.Errorf(wit.CodeNotFound, "there is no model %.80q: GET /v1/models lists them", id)
	}
	endpoint.Write(w, http.StatusOK, list[i])
	return nil
}
