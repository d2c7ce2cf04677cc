package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Models asks the server for its list, and reads it. The list has names only; what a model can do is
// not in it.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response == nil {
		request, err := c.request(host, "GET", "/models")
		if err != nil {
			return nil, err
		}
		return &wit.ModelsAnswer{Request: request}, nil
	}
	models, err := c.readModels(query.Response)
	if err != nil {
		return nil, err
	}
	return &wit.ModelsAnswer{Models: models}, nil
}

func (c *config) readModels(response *wit.HTTPResponse) ([]wit.Model, error) {
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	switch {
	case response.Error != nil:
		return nil, response.Error
	case response.Status != 200:
		return nil, failure(int64(response.Status), body, readWaits(response.Headers))
	}
	list, err := json.ParseText(body)
	if err != nil || !list.Get("data").IsArray() {
		return nil, wit.NewError(wit.CodeUnavailable, "openai: the server's list of models cannot be read; check baseUrl")
	}
	var models []wit.Model
	for item := range list.Get("data").Items() {
		id := item.Get("id").Text()
		if id == "" || c.atOpenAI() && !converses(id) {
			continue
		}
		models = append(models, wit.Model{ID: id, Name: id, Tools: true})
	}
	return models, nil
}

// converses tells OpenAI's models for conversation from those for sound, pictures and numbers.
func converses(id string) bool {
	for _, other := range []string{"audio", "realtime", "transcribe", "tts", "image", "embedding", "moderation", "instruct"} {
		if strings.Contains(id, other) {
			return false
		}
	}
	reasoning := len(id) > 1 && id[0] == 'o' && id[1] >= '0' && id[1] <= '9'
	return reasoning || strings.HasPrefix(id, "gpt-") || strings.HasPrefix(id, "chatgpt-")
}
