package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// maxShown is of how many models it is asked what they can.
const maxShown = 60

// Models asks the server for its list, and then of each model what it can, and how much it reads. The state has those that are
// still to be asked for.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response == nil {
		request, err := c.request(host, "GET", "/api/tags")
		if err != nil {
			return nil, err
		}
		return &wit.ModelsAnswer{Request: request}, nil
	}
	answer, left := &wit.ModelsAnswer{}, []string(nil)
	if len(query.State) == 0 {
		if left, err = readTags(query.Response); err != nil {
			return nil, err
		}
		for len(left) > maxShown {
			last := len(left) - 1
			answer.Models, left = append(answer.Models, c.known(left[last], json.Value{})), left[:last]
		}
	} else {
		asked, err := names(query.State)
		if err != nil || len(asked) == 0 {
			return nil, wit.NewError(wit.CodeInvalid, "ollama: the state of the list is not this plugin's")
		}
		if m, converses := c.shown(asked[0], query.Response); converses {
			answer.Models = append(answer.Models, m)
		}
		left = asked[1:]
	}
	if len(left) == 0 {
		return answer, nil
	}
	if answer.Request, err = c.request(host, "POST", "/api/show"); err != nil {
		return nil, err
	}
	answer.Request.JSON = json.Object{}.Text("model", left[0]).JSON()
	list := json.Array{}
	for _, name := range left {
		list = list.Add(json.Text(name))
	}
	answer.State = list.JSON()
	return answer, nil
}

// names reads the state: whose answer comes, and who is to be asked after it.
func names(state wit.JSON) (list []string, err error) {
	v, err := json.Parse(state)
	return v.Texts(), err
}

// readTags reads the list, which has little more than names.
func readTags(response *wit.HTTPResponse) (list []string, err error) {
	body := textOfResponse(response)
	switch {
	case response.Error != nil:
		return nil, response.Error
	case response.Status != 200:
		return nil, failure(int64(response.Status), body, wait.Head(response.Headers))
	}
	v, err := json.ParseText(body)
	if err != nil || !v.Get("models").Exists() && !v.IsObject() {
		return nil, wit.NewError(wit.CodeUnavailable, "ollama: the server's list of models cannot be read; check baseUrl")
	}
	for item := range v.Get("models").Items() {
		if name := item.Get("name").Text(); name != "" {
			list = append(list, name)
		}
	}
	return list, nil
}

func textOfResponse(response *wit.HTTPResponse) string {
	if response.Text == nil {
		return ""
	}
	return *response.Text
}

// shown reads what the server says of one model. One that only makes vectors does not converse. Of one that cannot be shown, its
// name is all that is known.
func (c *config) shown(name string, response *wit.HTTPResponse) (m wit.Model, converses bool) {
	v, err := json.ParseText(textOfResponse(response))
	if err != nil || response.Status != 200 {
		return c.known(name, json.Value{}), true
	}
	if can := v.Get("capabilities"); can.IsArray() {
		return c.known(name, v), has(can, "completion")
	}
	return c.known(name, v), true
}

// known is what is known of a model. How much it reads is what it can, and no more than the owner lets it; a server that does not
// say what a model can is an old one, and the model may call tools.
func (c *config) known(name string, shown json.Value) wit.Model {
	m := wit.Model{ID: name, Name: strings.TrimSuffix(name, ":latest"), Tools: true, ContextWindow: uint32(min(c.context, 1<<31))}
	if size := shown.Get("details", "parameter_size").Text(); size != "" {
		m.Name += " (" + size + ")"
	}
	if can := shown.Get("capabilities"); can.IsArray() {
		m.Tools, m.Images, m.Reasoning = has(can, "tools"), has(can, "vision"), has(can, "thinking")
	}
	most := shown.Get("model_info", shown.Get("model_info", "general.architecture").Text()+".context_length").Int()
	if most > 0 && (c.remote(name) || most < c.context) {
		m.ContextWindow = uint32(min(most, 1<<31))
	}
	return m
}

// has reports whether a list has a word.
func has(list json.Value, word string) bool {
	for item := range list.Items() {
		if item.Text() == word {
			return true
		}
	}
	return false
}
