package fieldtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Requests is what is expected of the requests that the model got.
type Requests struct {
	// Requests is how many there are.
	Requests *int `json:"requests"`
	// Request are values in one of them.
	Request []InRequest `json:"request"`
	// ToolResults are the texts of the role tool in the last one.
	ToolResults []Text `json:"toolResults"`
	// Pause is the time before one of them.
	Pause []Pause `json:"pause"`
}

// InRequest is a value in request N, counted from 1.
type InRequest struct {
	N int `json:"n"`
	// Path has keys, indexes (-1 is the last), and key=value for the last element that has it, where key may be a
	// path with slashes.
	Path string `json:"path"`
	// Equals is the value; what is absent is null.
	Equals json.RawMessage `json:"equals"`
	Text   *Text           `json:"text"`
	// Alternating: no user speaks twice in a row.
	Alternating bool `json:"alternating"`
}

// Pause is the time between the end of a response and request N, which follows it.
type Pause struct {
	N     int   `json:"n"`
	MinMs int64 `json:"minMs"`
	MaxMs int64 `json:"maxMs"`
}

// Problems says what does not hold.
func (e *Requests) Problems(got []Request) []string {
	var problems []string
	if e.Requests != nil && *e.Requests != len(got) {
		problems = append(problems, fmt.Sprintf("the model got %d requests, want %d", len(got), *e.Requests))
	}
	for _, r := range e.Request {
		problems = append(problems, r.problems(got)...)
	}
	for _, p := range e.Pause {
		if p.N < 2 || p.N > len(got) {
			problems = append(problems, fmt.Sprintf("there is no pause before request %d", p.N))
			continue
		}
		if took := got[p.N-1].Began.Sub(got[p.N-2].Ended); took < ms(p.MinMs) || p.MaxMs > 0 && took > ms(p.MaxMs) {
			problems = append(problems, fmt.Sprintf("request %d came after %v, want %d to %d ms", p.N, took, p.MinMs, p.MaxMs))
		}
	}
	if e.ToolResults != nil {
		problems = append(problems, e.toolResults(got)...)
	}
	return problems
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (e *Requests) toolResults(got []Request) (problems []string) {
	if len(got) == 0 {
		return []string{"the model got no request"}
	}
	var texts []string
	for _, m := range items(find(parsed(got[len(got)-1].Body), "messages")) {
		if find(m, "role") == "tool" {
			texts = append(texts, written(find(m, "content")))
		}
	}
	if len(texts) != len(e.ToolResults) {
		return []string{fmt.Sprintf("the tools' results are %.500q, want %d", texts, len(e.ToolResults))}
	}
	for i := range texts {
		if p := e.ToolResults[i].Problem("a tool's result", texts[i]); p != "" {
			problems = append(problems, p)
		}
	}
	return problems
}

func (e *InRequest) problems(got []Request) (problems []string) {
	if e.N < 1 || e.N > len(got) {
		return []string{fmt.Sprintf("there is no request %d", e.N)}
	}
	body := parsed(got[e.N-1].Body)
	if body == nil {
		return []string{fmt.Sprintf("request %d is no JSON", e.N)}
	}
	value := find(body, e.Path)
	if e.Equals != nil {
		if want := parsed(e.Equals); !reflect.DeepEqual(value, want) {
			problems = append(problems, fmt.Sprintf("%s of request %d is %.300v, want %v", e.Path, e.N, written(value), written(want)))
		}
	}
	if p := e.Text.Problem(e.Path, written(value)); p != "" {
		problems = append(problems, p)
	}
	if e.Alternating {
		before := any(nil)
		for _, m := range items(find(body, "messages")) {
			role := find(m, "role")
			if role == "user" && before == "user" {
				problems = append(problems, fmt.Sprintf("in request %d a user speaks twice in a row", e.N))
			}
			before = role
		}
	}
	return problems
}

func parsed(data []byte) (value any) {
	if json.Unmarshal(data, &value) != nil {
		return nil
	}
	return value
}

func items(value any) []any {
	list, _ := value.([]any)
	return list
}

// written is a text as it is, and anything else as JSON.
func written(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, _ := json.Marshal(value) // it was JSON before
	return string(text)
}

// find goes down a path; nil where it leads nowhere.
func find(value any, path string) any {
	if path == "" {
		return value
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			value = element(v, step)
		default:
			return nil
		}
	}
	return value
}

func element(list []any, step string) any {
	if key, want, ok := strings.Cut(step, "="); ok {
		for i := len(list) - 1; i >= 0; i-- {
			if found := find(list[i], strings.ReplaceAll(key, "/", ".")); found != nil && written(found) == want {
				return list[i]
			}
		}
		return nil
	}
	i, err := strconv.Atoi(step)
	if i < 0 {
		i += len(list)
	}
	if err != nil || i < 0 || i >= len(list) {
		return nil
	}
	return list[i]
}
