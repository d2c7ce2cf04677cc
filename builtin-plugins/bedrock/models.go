package bedrock

import (
	"strings"

	sdk "github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Models asks for the models of the region that answer in words, and reads them.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	response := query.Response
	if response == nil {
		request, err := c.request(host, "GET", c.control+"/foundation-models?byOutputModality=TEXT")
		return &wit.ModelsAnswer{Request: request}, err
	}
	body := texts.Of(response.Text)
	switch {
	case response.Error != nil:
		return nil, response.Error
	case response.Status != 200:
		kind, _, _ := strings.Cut(sdk.Header(response.Headers, "x-amzn-errortype"), ":")
		return nil, failure(int64(response.Status), kind, body, wait.Head(response.Headers))
	}
	list, err := json.ParseText(body)
	if err != nil || !list.Get("modelSummaries").IsArray() {
		return nil, wit.NewError(wit.CodeUnavailable, "bedrock: the list of models cannot be read; check the region and baseUrl")
	}
	answer := &wit.ModelsAnswer{}
	for item := range list.Get("modelSummaries").Items() {
		if m := c.readModel(item); m.ID != "" && item.Get("responseStreamingSupported").Bool() {
			answer.Models = append(answer.Models, m)
		}
	}
	return answer, nil
}

// readModel reads one model. Most can be called in several regions only, by the profile of these.
func (c *config) readModel(item json.Value) wit.Model {
	m := wit.Model{ID: item.Get("modelId").Text(), Name: item.Get("modelName").Text(), Tools: true, Images: has(item.Get("inputModalities"), "IMAGE")}
	kinds := item.Get("inferenceTypesSupported")
	if m.ID != "" && !has(kinds, "ON_DEMAND") && has(kinds, "INFERENCE_PROFILE") {
		m.ID = c.profiles() + m.ID
	}
	return m
}

// profiles is what the ids of profiles begin with where this region is. See "Inference profiles" in the user guide.
func (c *config) profiles() string {
	for _, area := range [...]struct{ region, profile string }{{"us-gov-", "us-gov."}, {"us-", "us."}, {"ca-", "us."}, {"eu-", "eu."}, {"ap-", "apac."}} {
		if strings.HasPrefix(c.region, area.region) {
			return area.profile
		}
	}
	return "global."
}

// has reports whether a list has a text in it.
func has(list json.Value, text string) bool {
	for item := range list.Items() {
		if item.Text() == text {
			return true
		}
	}
	return false
}
