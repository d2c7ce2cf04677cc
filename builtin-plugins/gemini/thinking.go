package gemini

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// generation is what of the API a model takes that another one refuses.
type generation int

const (
	plain  generation = iota // up to 2.0, Gemma, and what draws or speaks: they do not think
	second                   // 2.5: how much they think is a number of tokens
	third                    // 3 and later: it is a level, and signatures of calls have to come back
)

// generationOf tells a model's generation by its name.
func generationOf(model string) generation {
	name := modelName(model)
	switch {
	case !strings.HasPrefix(name, "gemini-"), strings.HasPrefix(name, "gemini-1"), strings.HasPrefix(name, "gemini-2.0"):
		return plain
	case !strings.HasPrefix(name, "gemini-2.5"):
		return third
	case isPainter(name), strings.Contains(name, "-tts"):
		return plain
	}
	return second
}

// modelName is a model's name without what stands before it in the API.
func modelName(model string) string { return strings.TrimPrefix(strings.ToLower(model), "models/") }

// thinking adds how much a model is to think, for a level of the gateway's; none leaves it to the model. The thoughts are
// asked for as Google tells them, in a summary. See "Gemini thinking" in the documentation of the API, "Thinking levels"
// and "Thinking budgets".
func thinking(o json.Object, model, level string) json.Object {
	of := generationOf(model)
	if level == "" || of == plain || isPainter(model) {
		return o
	}
	return o.Object("thinkingConfig", func(o json.Object) json.Object {
		if of == second {
			o = o.Int("thinkingBudget", budget(model, level))
		} else {
			o = o.Text("thinkingLevel", thinkingLevel(model, level))
		}
		return o.Bool("includeThoughts", level != "off")
	})
}

// budget is a level in tokens, as Google's own table for reasoning_effort has them. 2.5 Pro cannot do without.
func budget(model, level string) int64 {
	switch level {
	case "low":
		return 1024
	case "medium":
		return 8192
	case "high":
		return 24576
	}
	if strings.Contains(modelName(model), "pro") {
		return 128
	}
	return 0
}

// minimals are the models that know the level MINIMAL; LOW is known to all.
var minimals = [...]string{"flash-lite", "gemini-3-flash", "gemini-3.1-flash", "gemini-3.5-flash", "gemini-3.6-flash"}

// thinkingLevel is the level that comes nearest to one of the gateway's. No model of this generation can do without
// thinking.
func thinkingLevel(model, level string) string {
	name := modelName(model)
	switch level {
	case "high":
		return "HIGH"
	case "medium":
		if strings.HasPrefix(name, "gemini-3-pro") {
			return "HIGH" // it has nothing between
		}
		return "MEDIUM"
	case "off":
		for _, part := range minimals {
			if strings.Contains(name, part) {
				return "MINIMAL"
			}
		}
	}
	return "LOW"
}
