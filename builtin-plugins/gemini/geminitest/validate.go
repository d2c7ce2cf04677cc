package geminitest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// validate refuses what the API refuses.
func (s *Server) validate(m Model, r *GenerateRequest) *apiError {
	checks := []func() *apiError{
		func() *apiError { return checkContents(r.Contents) },
		func() *apiError { return checkResultParts(m, r.Contents) },
		func() *apiError { return checkTools(r.Tools) },
		func() *apiError { return checkConfig(m, r) },
		func() *apiError { return s.checkSignatures(m, r.Contents) },
	}
	for _, check := range checks {
		if problem := check(); problem != nil {
			return problem
		}
	}
	return nil
}

// checkContents: who speaks, in which order, and what.
func checkContents(contents []Content) *apiError {
	if len(contents) == 0 {
		return invalid("* GenerateContentRequest.contents: contents is not specified")
	}
	for i := range contents {
		c := &contents[i]
		if c.Role != "user" && c.Role != "model" {
			return invalid("Please use a valid role: user, model.")
		}
		if len(c.Parts) == 0 {
			return invalid(fmt.Sprintf("* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", i))
		}
		for j := range c.Parts {
			if problem := checkPart(&c.Parts[j], fmt.Sprintf("contents[%d].parts[%d]", i, j)); problem != nil {
				return problem
			}
		}
	}
	var before *Content
	for _, c := range joined(contents) {
		if problem := checkCalls(before, &c); problem != nil {
			return problem
		}
		before = &c
	}
	if before.calls() > 0 {
		return invalid("Please ensure that function response turn comes immediately after a function call turn.")
	}
	return nil
}

// joined puts contents of the model that follow each other together: Google's own libraries send back each piece of a
// stream as one.
func joined(contents []Content) (list []Content) {
	for _, c := range contents {
		if n := len(list) - 1; n >= 0 && c.Role == "model" && list[n].Role == "model" {
			list[n].Parts = append(slices.Clone(list[n].Parts), c.Parts...)
		} else {
			list = append(list, c)
		}
	}
	return list
}

func checkPart(p *Part, at string) *apiError {
	n := 0
	for _, set := range []bool{p.Text != nil, p.InlineData != nil, p.FileData != nil, p.FunctionCall != nil, p.FunctionResponse != nil} {
		if set {
			n++
		}
	}
	if n != 1 || p.Text != nil && *p.Text == "" && p.ThoughtSignature == "" {
		return invalid("* GenerateContentRequest." + at + ".data: required oneof field 'data' must have one initialized field")
	}
	if b := p.InlineData; b != nil && (b.MimeType == "" || len(b.Data) == 0) {
		return invalid("Unable to process input data at " + at)
	}
	if f := p.FunctionResponse; f != nil && (f.Name == "" || !isObject(f.Response)) {
		return invalid("* GenerateContentRequest." + at + ".function_response.name: Name cannot be empty.")
	}
	if f := p.FunctionCall; f != nil && len(f.Args) > 0 && !isObject(f.Args) {
		return invalid("Invalid value at '" + at + ".function_call.args' (type.googleapis.com/google.protobuf.Struct)")
	}
	return nil
}

func isObject(text json.RawMessage) bool {
	var fields map[string]any
	return json.Unmarshal(text, &fields) == nil && fields != nil
}

func (c *Content) calls() (n int) {
	for i := range c.Parts {
		if c.Parts[i].FunctionCall != nil {
			n++
		}
	}
	return n
}

func (c *Content) results() (n int) {
	for i := range c.Parts {
		if c.Parts[i].FunctionResponse != nil {
			n++
		}
	}
	return n
}

// checkCalls: calls come after the user, and results after calls, one for each, by name and id in their order.
func checkCalls(before, c *Content) *apiError {
	if c.calls() > 0 && (before == nil || before.Role != "user") {
		return invalid("Please ensure that function call turn comes immediately after a user turn or after a function response turn.")
	}
	asked := 0
	if before != nil {
		asked = before.calls()
	}
	if c.results() != asked {
		return invalid("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
	}
	if asked == 0 {
		return nil
	}
	var calls []*FunctionCall
	for i := range before.Parts {
		if f := before.Parts[i].FunctionCall; f != nil {
			calls = append(calls, f)
		}
	}
	for i := range calls {
		f := c.Parts[i].FunctionResponse
		if f == nil || f.Name != calls[i].Name || f.ID != calls[i].ID {
			return invalid("Function response does not match the function call.")
		}
	}
	return nil
}

// checkResultParts: what is shown in results are pictures and documents of a few types, by models from Gemini 3 on.
func checkResultParts(m Model, contents []Content) *apiError {
	for i := range contents {
		for _, p := range contents[i].Parts {
			if p.FunctionResponse == nil {
				continue
			}
			for _, shown := range p.FunctionResponse.Parts {
				switch b := shown.InlineData; {
				case !strings.HasPrefix(m.Name, "models/gemini-3"):
					return invalid("Multimodal function response is not supported for this model.")
				case b == nil || len(b.Data) == 0 || !slices.Contains(resultTypes, b.MimeType):
					return invalid("Unsupported MIME type in a function response part.")
				}
			}
		}
	}
	return nil
}

var resultTypes = []string{"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}

var functionName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$`)

func checkTools(tools []Tool) *apiError {
	seen := map[string]bool{}
	for _, tool := range tools {
		for i, f := range tool.FunctionDeclarations {
			at := fmt.Sprintf("tools[0].function_declarations[%d]", i)
			if !functionName.MatchString(f.Name) {
				return invalid("* GenerateContentRequest." + at + ".name: Invalid function name. Must start with a letter or an underscore.")
			}
			if seen[f.Name] {
				return invalid("Duplicate function declaration found: " + f.Name)
			}
			seen[f.Name] = true
			if f.Parameters == nil {
				continue
			}
			if f.Parameters.Type != "OBJECT" || len(f.Parameters.Properties) == 0 {
				return invalid("* GenerateContentRequest." + at + ".parameters.properties: should be non-empty for OBJECT type")
			}
			if problem := f.Parameters.check(at + ".parameters"); problem != nil {
				return problem
			}
		}
	}
	return nil
}

var types = []string{"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}

func (s *Schema) check(at string) *apiError {
	refuse := func(words string) *apiError { return invalid("* GenerateContentRequest." + at + words) }
	switch {
	case len(s.AnyOf) == 0 && !slices.Contains(types, s.Type):
		return refuse(": schema didn't specify the schema type field")
	case s.Type == "ARRAY" && s.Items == nil:
		return refuse(".items: missing field.")
	case len(s.Enum) > 0 && s.Type != "STRING":
		return refuse(".enum: only allowed for STRING type")
	case slices.Contains(s.Enum, ""):
		return refuse(".enum[0]: cannot be empty")
	case s.Type == "STRING" && s.Format != "" && s.Format != "enum" && s.Format != "date-time":
		return refuse(".format: only 'enum' and 'date-time' are supported for STRING type")
	}
	for _, name := range s.Required {
		if s.Properties[name] == nil {
			return refuse(".required: property is not defined")
		}
	}
	for name, property := range s.Properties {
		if problem := property.check(at + ".properties[" + name + "]"); problem != nil {
			return problem
		}
	}
	for i, variant := range s.AnyOf {
		if problem := variant.check(fmt.Sprintf("%s.any_of[%d]", at, i)); problem != nil {
			return problem
		}
	}
	if s.Items != nil {
		return s.Items.check(at + ".items")
	}
	return nil
}

// checkConfig: what not every model takes.
func checkConfig(m Model, r *GenerateRequest) *apiError {
	name, c := strings.TrimPrefix(m.Name, "models/"), r.GenerationConfig
	if t := c.ThinkingConfig; t != nil {
		switch {
		case !m.Thinking:
			return invalid("Thinking is not enabled for models/" + name)
		case t.ThinkingLevel != "" && t.ThinkingBudget != nil:
			return invalid("You can only set only one of thinking budget and thinking level.")
		case t.ThinkingLevel != "" && strings.HasPrefix(name, "gemini-2"):
			return invalid("Thinking level is not supported for this model.")
		case t.ThinkingLevel == "MEDIUM" && name == "gemini-3-pro-preview", t.ThinkingLevel == "MINIMAL" && strings.Contains(name, "pro"):
			return invalid("Thinking level " + t.ThinkingLevel + " is not supported for this model. Please retry with other thinking level.")
		case t.ThinkingBudget != nil && *t.ThinkingBudget == 0 && strings.Contains(name, "pro"):
			return invalid("Budget 0 is invalid. This model only works in thinking mode.")
		}
	}
	if slices.Contains(c.ResponseModalities, "IMAGE") && !m.paints {
		return invalid("Model does not support the requested response modalities: image,text")
	}
	if m.paints && len(r.Tools) > 0 {
		return invalid("Function calling is not enabled for models/" + name)
	}
	if len(c.StopSequences) > 5 {
		return invalid("The number of stop sequences must be less than or equal to 5.")
	}
	if c.ResponseMimeType == "application/json" && len(r.Tools) > 0 && !strings.HasPrefix(name, "gemini-3") {
		return invalid("Function calling with a response mime type: 'application/json' is unsupported")
	}
	if (c.ResponseSchema != nil || c.ResponseJSONSchema != nil) && c.ResponseMimeType != "application/json" {
		return invalid("response_schema requires a response_mime_type of application/json")
	}
	if strings.HasPrefix(name, "gemma-") && (r.SystemInstruction != nil || len(r.Tools) > 0) {
		return invalid("Developer instruction is not enabled for models/" + name)
	}
	if c.ResponseSchema != nil {
		return c.ResponseSchema.check("generation_config.response_schema")
	}
	return nil
}

// unsigned are what stands for a signature where there is none.
var unsigned = []string{"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"}

// checkSignatures: in what follows the last question, the first call of each step of a model from Gemini 3 on is signed; and
// a signature stands on the part that it came with.
func (s *Server) checkSignatures(m Model, contents []Content) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := 0
	for i := range contents {
		if contents[i].Role == "user" && contents[i].results() == 0 {
			asked = i
		}
	}
	for i := range contents {
		c := &contents[i]
		first := true
		for j, p := range c.Parts {
			signature := p.ThoughtSignature
			if p.FunctionCall != nil && first {
				first = false
				if signature == "" && i > asked && strings.HasPrefix(m.Name, "models/gemini-3") {
					return invalid(fmt.Sprintf("Function call is missing a thought_signature in functionCall parts. Function call `%s`, position %d.", p.FunctionCall.Name, j))
				}
			}
			if signature != "" && !slices.Contains(unsigned, signature) && s.issued[signature] != identity(p) {
				return invalid("Corrupted thought signature.")
			}
		}
	}
	return nil
}

// identity is a part without its signature, written in one way.
func identity(p Part) string {
	p.ThoughtSignature = ""
	if p.FunctionCall != nil {
		call := *p.FunctionCall
		var args any
		_ = json.Unmarshal(call.Args, &args) // none is null
		call.Args, _ = json.Marshal(args)
		p.FunctionCall = &call
	}
	text, _ := json.Marshal(p) // it was JSON before
	return string(text)
}
