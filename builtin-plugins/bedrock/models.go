package bedrock

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Models asks for the models of the region that answer in words, and then, for those that are called by a profile of several regions, for
// the profiles that there are. The state has the models that wait for that.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	switch {
	case query.Response == nil:
		request, err := c.request(host, "GET", c.control+"/foundation-models?byOutputModality=TEXT")
		return &wit.ModelsAnswer{Request: request}, err
	case len(query.State) > 0:
		return c.profiled(query)
	}
	list, err := readList(query.Response, "modelSummaries")
	if err != nil {
		return nil, err
	}
	answer, waiting := &wit.ModelsAnswer{}, json.Array{}
	for item := range list.Items() {
		m, kinds := readModel(item), item.Get("inferenceTypesSupported")
		switch {
		case m.ID == "" || !item.Get("responseStreamingSupported").Bool():
		case !has(kinds, "ON_DEMAND") && has(kinds, "INFERENCE_PROFILE"):
			waiting = waiting.Add(wit.Marshal(&m))
		default:
			answer.Models = append(answer.Models, m)
		}
	}
	if len(waiting) > 0 {
		answer.State = waiting.JSON()
		answer.Request, err = c.request(host, "GET", c.control+"/inference-profiles?maxResults=1000&type=SYSTEM_DEFINED")
	}
	return answer, err
}

// readList reads a list of the API's.
func readList(response *wit.HTTPResponse, name string) (json.Value, error) {
	body := texts.Of(response.Text)
	switch {
	case response.Error != nil:
		return json.Value{}, response.Error
	case response.Status != 200:
		kind, _, _ := strings.Cut(sdk.Header(response.Headers, "x-amzn-errortype"), ":")
		return json.Value{}, failure(int64(response.Status), kind, body, wait.Head(response.Headers))
	}
	v, err := json.ParseText(body)
	if err != nil || !v.Get(name).IsArray() {
		return json.Value{}, wit.NewError(wit.CodeUnavailable, "bedrock: the list of models cannot be read; check the region and baseUrl")
	}
	return v.Get(name), nil
}

// readModel reads one model.
func readModel(item json.Value) wit.Model {
	return wit.Model{ID: item.Get("modelId").Text(), Name: item.Get("modelName").Text(), Tools: true, Images: has(item.Get("inputModalities"), "IMAGE")}
}

// profiled are the models that waited, by the ids of their profiles. Which of these there are where differs from model to model; where the
// keys may not list them, it is guessed.
func (c *config) profiled(query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	waiting, err := json.Parse(query.State)
	if err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "bedrock: the state of the list is not this plugin's")
	}
	profiles, _ := readList(query.Response, "inferenceProfileSummaries") // none, where it was refused
	answer := &wit.ModelsAnswer{}
	for item := range waiting.Items() {
		m := wit.Model{}
		if err := wit.Unmarshal(item.Raw(), &m); err != nil {
			return nil, wit.NewError(wit.CodeInvalid, "bedrock: the state of the list is not this plugin's")
		}
		m.ID = c.profile(m.ID, profiles)
		answer.Models = append(answer.Models, m)
	}
	return answer, nil
}

// profile is the id of the profile that a model is called by: an area, a point and the model's own. One of some regions comes before the
// one of all, which leads around the world.
func (c *config) profile(model string, profiles json.Value) string {
	found := ""
	for p := range profiles.Items() {
		id := p.Get("inferenceProfileId").Text()
		if area, ok := strings.CutSuffix(id, "."+model); ok && (found == "" || area != "global") {
			found = id
		}
	}
	if found == "" {
		return c.area() + model
	}
	return found
}

// area is what the ids of profiles most likely begin with where this region is. See "Inference profiles" in the user guide.
func (c *config) area() string {
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
