package openai

import (
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// wishes are what a request asks of its answer beside the words, and what is not done here. null is as good as left out.
type wishes struct {
	N     *int            `json:"n"`
	Stop  json.RawMessage `json:"stop"`
	Seed  *int64          `json:"seed"`
	Bias  map[string]any  `json:"logit_bias"`
	Probs *bool           `json:"logprobs"`
	Best  *int            `json:"top_logprobs"`
	Kinds []string        `json:"modalities"`
}

// jsonFormat is the format of an answer, in the words of both APIs.
type jsonFormat struct {
	Type string `json:"type"`
	// JSONSchema has the fields below in the older API.
	JSONSchema *formatSchema `json:"json_schema"`
	formatSchema
}

type formatSchema struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Strict      bool            `json:"strict"`
}

const maxStops = wit.ChatStopMax

// fill puts what is asked for into a run's terms.
func (q wishes) fill(t *run.Terms) error {
	switch {
	case q.N != nil && *q.N != 1:
		return wrong("n", "n must be 1: one answer is given to a request")
	case len(q.Bias) > 0:
		return unsupported("logit_bias")
	case q.Probs != nil && *q.Probs:
		return unsupported("logprobs")
	case q.Best != nil && *q.Best > 0:
		return unsupported("top_logprobs")
	case slices.ContainsFunc(q.Kinds, func(k string) bool { return k != "text" }):
		return unsupported("modalities")
	}
	var one string
	if len(q.Stop) > 0 && json.Unmarshal(q.Stop, &one) == nil {
		if one != "" {
			t.Stop = []string{one}
		}
	} else if len(q.Stop) > 0 && json.Unmarshal(q.Stop, &t.Stop) != nil {
		return wrong("stop", "stop must be a text or a list of texts")
	}
	if len(t.Stop) > maxStops || slices.ContainsFunc(t.Stop, func(s string) bool { return s == "" || len(s) > 1024 }) {
		return wrong("stop", "stop has up to %d texts of 1 to 1024 bytes", maxStops)
	}
	t.Seed = q.Seed
	return nil
}

// able refuses what a request wishes where it is known already that who answers does not heed it: a session that is its own has
// no choice of a model either. Otherwise the run says so. format is where the format stands in the request.
func (s *Service) able(r *run.Run, own bool, format string) error {
	model := r.Model
	if model == "" && own {
		model = s.Models.Primary(r.Session.Agent())
	}
	if model == "" {
		return nil
	}
	for _, w := range []struct {
		asked bool
		wish  wit.ChatWish
		field string
	}{{r.Terms.Format != nil, wit.ChatWishFormat, format}, {len(r.Terms.Stop) > 0, wit.ChatWishStop, "stop"}} {
		if err := s.Models.Heeds(model, w.wish); w.asked && err != nil {
			return &fieldError{wit.AsError(err), w.field}
		}
	}
	return nil
}

// unsupported refuses a field that means nothing here, as OpenAI does for models that lack it.
func unsupported(field string) error {
	return wrong(field, "Unsupported parameter: %q is not supported here: leave it out", field)
}

// format reads what an answer has to be; nil is any text. field is where it stands in the request.
func (f jsonFormat) format(field string) (*wit.AnswerFormat, error) {
	switch f.Type {
	case "", "text":
		return nil, nil
	case "json_object":
		return &wit.AnswerFormat{}, nil
	case "json_schema":
	default:
		return nil, wrong(field, "%s.type is %.40q: it must be text, json_object or json_schema", field, f.Type)
	}
	s, where := f.formatSchema, field
	if f.JSONSchema != nil {
		s, where = *f.JSONSchema, field+".json_schema"
	}
	var object map[string]any
	switch {
	case !functionName.MatchString(s.Name):
		return nil, wrong(where+".name", "%s.name is 1 to 64 letters, digits, _ and -", where)
	case json.Unmarshal(s.Schema, &object) != nil || object == nil:
		return nil, wrong(where+".schema", "%s.schema is a JSON Schema", where)
	case len(s.Schema) > wit.AnswerFormatSchemaMax || len(s.Description) > wit.AnswerFormatDescriptionMax:
		return nil, wrong(where+".schema", "a schema may have %d bytes, and its description %d", wit.AnswerFormatSchemaMax, wit.AnswerFormatDescriptionMax)
	}
	return &wit.AnswerFormat{Schema: wit.JSON(s.Schema), Name: s.Name, Description: s.Description, Strict: s.Strict}, nil
}
