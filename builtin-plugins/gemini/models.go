package gemini

import (
	"math"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Models asks for the list of models, and reads it page by page.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	answer, next := &wit.ModelsAnswer{}, ""
	if query.Response != nil {
		list, err := reply(query.Response, "models")
		if err != nil {
			return nil, err
		}
		for item := range list.Get("models").Items() {
			if m, ok := readModel(item); ok {
				answer.Models = append(answer.Models, m)
			}
		}
		if next = list.Get("nextPageToken").Text(); next == "" {
			return answer, nil
		}
		next = "&pageToken=" + form.Escape(next)
	}
	answer.Request, err = c.request(host, "GET", "/models?pageSize=1000"+next)
	return answer, err
}

// readModel reads a model, if it is one that answers in words, or in pictures beside them.
func readModel(item json.Value) (wit.Model, bool) {
	m := wit.Model{ID: strings.TrimPrefix(item.Get("name").Text(), "models/"), Name: item.Get("displayName").Text()}
	answers := false
	for method := range item.Get("supportedGenerationMethods").Items() {
		answers = answers || method.Text() == "generateContent"
	}
	if m.ID == "" || !answers || strings.Contains(m.ID, "-tts") {
		return m, false
	}
	m.ContextWindow, m.MaxOutput = count(item.Get("inputTokenLimit")), count(item.Get("outputTokenLimit"))
	m.Reasoning = item.Get("thinking").Bool()
	m.Images, m.Tools = sees(m.ID), takesSystem(m.ID) && !isPainter(m.ID)
	return m, true
}

// sees reports whether a model takes pictures, which the list does not say: all do, but for the smallest of Gemma.
func sees(model string) bool {
	return strings.HasPrefix(model, "gemini-") || strings.HasPrefix(model, "gemma-") && !strings.HasPrefix(model, "gemma-2") && !strings.HasPrefix(model, "gemma-3-1b")
}

func count(v json.Value) uint32 { return uint32(min(max(v.Int(), 0), math.MaxUint32)) }

// reply reads a response that is one object with a list of this name, which may be absent where it is empty.
func reply(response *wit.HTTPResponse, list string) (json.Value, error) {
	body := texts.Of(response.Text)
	switch {
	case response.Error != nil:
		return json.Value{}, response.Error
	case response.Status != 200:
		return json.Value{}, failure(int64(response.Status), body, wait.Head(response.Headers))
	}
	value, err := json.ParseText(body)
	if at := value.Get(list); err != nil || !value.IsObject() || at.Exists() && !at.IsArray() {
		return json.Value{}, wit.NewError(wit.CodeUnavailable, "gemini: the list of "+list+" cannot be read; check baseUrl")
	}
	return value, nil
}
