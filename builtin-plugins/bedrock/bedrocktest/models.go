package bedrocktest

import "strings"

// model is what the API knows of one, by what its id has in it.
type model struct {
	id       string
	thinking string // the types of thinking that it takes
	output   int    // the most tokens of an answer; 0 does not look
	hot      bool   // takes a temperature
	effort   bool   // knows output_config.effort
	bound    bool   // refuses reasoning when what stood before it is another
	// points are the places where it takes cachePoint blocks: tools, system, messages, and results for after toolResult blocks.
	points string
}

const everywhere = "tools system messages results"

// models are what the user guide says of them: the first that fits a model's id.
var models = []model{
	{id: "claude-opus-5-5", thinking: "adaptive", output: 128_000, effort: true, bound: true, points: everywhere},
	{id: "claude-sonnet-5", thinking: "adaptive disabled", output: 128_000, effort: true, points: everywhere},
	{id: "claude-opus-5", thinking: "adaptive disabled", output: 128_000, effort: true, points: everywhere},
	{id: "claude-opus-4-7", thinking: "adaptive", output: 128_000, effort: true, points: everywhere},
	{id: "claude-opus-4-6", thinking: "adaptive enabled disabled", output: 128_000, hot: true, effort: true, points: everywhere},
	{id: "claude-sonnet-4-6", thinking: "adaptive enabled disabled", output: 64_000, hot: true, effort: true, points: everywhere},
	{id: "claude-opus-4-5", thinking: "enabled disabled", output: 64_000, hot: true, points: everywhere}, // effort is a beta
	{id: "claude-sonnet-4-5", thinking: "enabled disabled", output: 64_000, hot: true, points: everywhere},
	{id: "claude-haiku-4-5", thinking: "enabled disabled", output: 64_000, hot: true, points: everywhere},
	{id: "claude-opus-4-", thinking: "enabled disabled", output: 32_000, hot: true, points: everywhere},
	{id: "claude-sonnet-4-", thinking: "enabled disabled", output: 64_000, hot: true, points: everywhere},
	{id: "claude-3-7-sonnet", thinking: "enabled disabled", output: 64_000, hot: true, points: everywhere},
	{id: "claude-3-5-haiku", output: 8192, hot: true, points: everywhere},
	{id: "claude-3-5-sonnet", output: 8192, hot: true},
	{id: "claude-3-", output: 4096, hot: true},
	{id: "nova-micro", hot: true, points: "system messages"},
	{id: "nova-lite", hot: true, points: "system messages"},
	{id: "nova-pro", hot: true, points: "system messages"},
	{id: "nova-premier", hot: true, points: "system messages"},
	{id: "nova-2-lite", hot: true, points: "system messages"},
	{id: "", hot: true},
}

func modelOf(id string) model {
	for _, m := range models {
		if strings.Contains(id, m.id) {
			return m
		}
	}
	return model{} // not reached: the last one fits all
}

// maxPoints is how many cachePoint blocks a request may have.
const maxPoints = 4

// takes looks at what only some models take, and says what is refused.
func (m *model) takes(c *Converse) string {
	thinking, said := c.Additional.Thinking, c.InferenceConfig
	kind := ""
	if thinking != nil {
		kind = thinking.Type
	}
	switch {
	case thinking != nil && m.thinking == "":
		return "The model returned the following errors: thinking: this model does not support thinking"
	case thinking != nil && !strings.Contains(" "+m.thinking+" ", " "+kind+" "):
		return "The model returned the following errors: \"thinking.type." + kind + "\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior."
	case kind == "enabled" && (thinking.Budget < 1024 || said.MaxTokens <= thinking.Budget || thinking.Display != ""):
		return "The model returned the following errors: `max_tokens` must be greater than `thinking.budget_tokens`, which is at least 1024"
	case kind != "enabled" && thinking != nil && thinking.Budget != 0:
		return "The model returned the following errors: thinking.budget_tokens: Extra inputs are not permitted"
	case c.Additional.OutputConfig != nil && !m.effort:
		return "The model returned the following errors: output_config.effort: this model does not support the effort parameter"
	case said.Temperature != nil && (!m.hot || kind == "enabled" || kind == "adaptive"):
		return "The model returned the following errors: `temperature` is deprecated for this model, or may only be set to 1 when thinking is enabled"
	case said.Temperature != nil && (*said.Temperature < 0 || *said.Temperature > 1):
		return "Value at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1"
	case m.output > 0 && said.MaxTokens > m.output:
		return "The maximum tokens you requested exceeds the model limit. Try again with a lower value."
	}
	return ""
}

// place is one where a cachePoint block stands, and the path that names it.
type place struct{ name, path string }

// keeps looks at the cachePoint blocks: whether the model has any, where they stand, and how many there are.
func (m *model) keeps(places []place) (kind, problem string) {
	for _, p := range places {
		switch {
		case m.points == "":
			return "AccessDeniedException", "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information."
		case !strings.Contains(m.points, p.name):
			return "ValidationException", "Malformed input request: #/" + p.path + ": extraneous key [cachePoint] is not permitted, please reformat your input and try again."
		}
	}
	if len(places) > maxPoints {
		return "ValidationException", "The model returned the following errors: A maximum of 4 blocks with cache_control may be provided."
	}
	return "", ""
}
