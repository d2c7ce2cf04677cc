package anthropic

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/claude"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Models asks the server for its list, page by page, and reads it. What the list does not say of a model is known by its name.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response == nil {
		request, err := c.page(host, "")
		if err != nil {
			return nil, err
		}
		return &wit.ModelsAnswer{Request: request}, nil
	}
	answer, last, err := readModels(query.Response)
	if err != nil {
		return nil, err
	}
	if last != "" {
		if answer.Request, err = c.page(host, last); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// page asks for the models after one of them.
func (c *config) page(host *sdk.Host, after string) (*wit.HTTPRequest, error) {
	path := "/v1/models?limit=1000"
	if after != "" {
		path += "&after_id=" + form.Escape(after)
	}
	return c.request(host, "GET", path)
}

// readModels reads a page. last is the id that the next one begins after, empty where there is none.
func readModels(response *wit.HTTPResponse) (answer *wit.ModelsAnswer, last string, err error) {
	body := texts.Of(response.Text)
	switch {
	case response.Error != nil:
		return nil, "", response.Error
	case response.Status != 200:
		s := state{}
		s.head(&wit.StreamEvent{Status: response.Status, Headers: response.Headers})
		return nil, "", s.failure(body)
	}
	list, err := json.ParseText(body)
	if err != nil || !list.Get("data").IsArray() {
		return nil, "", wit.NewError(wit.CodeUnavailable, "anthropic: the server's list of models cannot be read; check baseUrl")
	}
	answer = &wit.ModelsAnswer{}
	for item := range list.Get("data").Items() {
		if id := item.Get("id").Text(); id != "" && item.Get("lifecycle").Text() != "retired" {
			answer.Models = append(answer.Models, modelOf(id, item))
		}
	}
	if list.Get("has_more").Bool() {
		last = list.Get("last_id").Text()
	}
	return answer, last, nil
}

// modelOf is what is known of a model. Lists of other servers have less.
func modelOf(id string, item json.Value) wit.Model {
	f := claude.Of(id)
	m := wit.Model{
		ID: id, Name: item.Get("display_name").Text(), Tools: true, Images: f != &claude.Stranger,
		ContextWindow: uint32(f.Context), MaxOutput: uint32(f.Output), Reasoning: f.Thinking != claude.Never && f != &claude.Stranger,
	}
	if m.Name == "" {
		m.Name = id
	}
	if n := item.Get("max_input_tokens").Int(); n > 0 {
		m.ContextWindow = uint32(min(n, 1<<31))
	}
	if n := item.Get("max_tokens").Int(); n > 0 {
		m.MaxOutput = uint32(min(n, 1<<31))
	}
	can := item.Get("capabilities")
	if seen := can.Get("image_input", "supported"); seen.Exists() {
		m.Images = seen.Bool()
	}
	if thinks := can.Get("thinking", "supported"); thinks.Exists() {
		m.Reasoning = thinks.Bool()
	}
	return m
}
