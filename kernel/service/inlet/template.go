package inlet

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/run"
)

var expression = regexp.MustCompile(`\{\{\s*([^{}]{1,256}?)\s*\}\}`)

// values are what stands in templates.
type values struct{ roots map[string]any }

// newValues are the values of a call. Secrets that a caller shows are not among its headers.
func newValues(c call, now time.Time) values {
	headers, query := map[string]any{}, map[string]any{}
	for name, v := range c.request.Header {
		switch name {
		case "Authorization", "Proxy-Authorization", "Cookie", "X-Carapace-Token", "X-Openclaw-Token", "X-Clawdbot-Token":
		default:
			headers[strings.ToLower(name)] = strings.Join(v, ", ")
		}
	}
	for name, v := range c.request.URL.Query() {
		query[name] = v[0]
	}
	var payload any
	_ = json.Unmarshal(c.body, &payload) // it was read as JSON
	return values{map[string]any{"path": c.path, "now": now.UTC().Format(time.RFC3339), "headers": headers, "query": query, "payload": payload}}
}

// fill puts values into a template. What there is not is empty; what is no text is JSON. A text is cut where a run's would be
// too long.
func (v values) fill(template string) string {
	left := run.MaxText
	return expression.ReplaceAllStringFunc(template, func(e string) string {
		text := v.value(expression.FindStringSubmatch(e)[1])
		text = text[:min(len(text), left)]
		left -= len(text)
		return strings.ToValidUTF8(text, "")
	})
}

// value is what an expression stands for: a.b[0].c, from one of the roots or from the payload.
func (v values) value(expression string) string {
	path := strings.FieldsFunc(expression, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	if len(path) == 0 {
		return ""
	}
	at, known := v.roots[path[0]]
	switch {
	case !known:
		at = v.roots["payload"]
	case path[0] == "headers" && len(path) > 1:
		path = []string{strings.ToLower(path[1])}
	default:
		path = path[1:]
	}
	for _, name := range path {
		switch in := at.(type) {
		case map[string]any:
			at = in[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(in) {
				return ""
			}
			at = in[n]
		default:
			return ""
		}
	}
	return shown(at)
}

func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, _ := json.Marshal(v) // it was JSON
	return string(text)
}
