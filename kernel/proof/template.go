package proof

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// piece is a part of a template: a text, or the name of what takes its place. header is that of {header:Name}.
type piece struct{ text, name, header string }

// maxPieces bounds a template's placeholders and the texts between them.
const maxPieces = 32

// placeholders are the names that a template may have.
func placeholders() []string {
	return []string{"body", "timestamp", "method", "url", "path", "query", "form", "credential"}
}

// parseTemplate reads a template. The error is a phrase that says what is wrong with it.
func parseTemplate(text string) ([]piece, error) {
	var list []piece
	for text != "" {
		if len(list) == maxPieces {
			return nil, errors.New("has too many placeholders")
		}
		before, rest, found := strings.Cut(text, "{")
		if before != "" {
			list = append(list, piece{text: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		header, isHeader := strings.CutPrefix(name, "header:")
		switch {
		case !closed:
			return nil, errors.New("has a { without its }")
		case isHeader && headerName(header):
			list = append(list, piece{name: "header", header: header})
		case slices.Contains(placeholders(), name):
			list = append(list, piece{name: name})
		default:
			return nil, fmt.Errorf("has {%.40s}, which stands for nothing: use {%s} or {header:Name}", name, strings.Join(placeholders(), "}, {"))
		}
		text = after
	}
	return list, nil
}

// headerName reports whether s can be the name of a header: a token of RFC 9110, section 5.6.2.
func headerName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// uses reports whether a template has a placeholder.
func uses(template []piece, name string) bool {
	return slices.ContainsFunc(template, func(p piece) bool { return p.name == name })
}

// call is what can be signed of a request.
type call struct {
	header http.Header
	method string
	target string // path and query, as they stand in the request
	public string // the gateway's address
	body   []byte
	// credential is the secret, where it is a part of what is signed.
	credential string

	signedAt time.Time // set by signedText where a time is declared
}

// configuration is an error that the owner has to do something about.
type configuration string

func (c configuration) Error() string { return string(c) }

// closedOrRefused is the verdict on a call of which not even the signed text can be made.
func closedOrRefused(err error) *Verdict {
	if wrong := configuration(""); errors.As(err, &wrong) {
		return closed(err.Error())
	}
	return refuse(err.Error())
}

// signedText is what the caller must have signed. Its errors are phrases, a configuration where they are the owner's.
func (c *call) signedText(facts *wit.WebhookFacts, items []string, now time.Time) ([]byte, error) {
	if facts.Signed == nil {
		return c.headerAndBody(facts, now)
	}
	template, err := parseTemplate(*facts.Signed)
	if err != nil { // the manifest was checked when it was loaded
		return nil, configuration("its recipe " + err.Error())
	}
	timestamp := ""
	if facts.Timestamp != nil {
		timestamp = c.timestamp(*facts.Timestamp, items)
		at, ok := moment(timestamp)
		if !ok || now.Sub(at).Abs() > window(facts) {
			return nil, errors.New("its time is not of now")
		}
		c.signedAt = at
	}
	var out bytes.Buffer
	for _, p := range template {
		text, err := c.part(p, timestamp)
		if err != nil {
			return nil, err
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// headerAndBody is what is signed where no template says it: the body, after the value of the recipe's second header where
// it names one.
func (c *call) headerAndBody(facts *wit.WebhookFacts, now time.Time) ([]byte, error) {
	_, second, _ := strings.Cut(text(facts.Header), ",")
	if second = strings.TrimSpace(second); second == "" {
		return c.body, nil
	}
	value := c.header.Get(second)
	if at, isTime := moment(value); value == "" || isTime && now.Sub(at).Abs() > window(facts) {
		return nil, errors.New("its time is not of now")
	}
	return append([]byte(value), c.body...), nil
}

// timestamp is the text of the time of signing: an item of the signature's header, or a header.
func (c *call) timestamp(where string, items []string) string {
	if headerName(where) {
		return c.header.Get(where)
	}
	for _, item := range items {
		if value, ok := strings.CutPrefix(item, where); ok {
			return value
		}
	}
	return ""
}

// part is what takes a placeholder's place.
func (c *call) part(p piece, timestamp string) ([]byte, error) {
	switch p.name {
	case "":
		return []byte(p.text), nil
	case "body":
		return c.body, nil
	case "timestamp":
		return []byte(timestamp), nil
	case "method":
		return []byte(c.method), nil
	case "header":
		return []byte(c.header.Get(p.header)), nil
	case "credential":
		return []byte(c.credential), nil
	case "form":
		return sortedForm(c.header, c.body)
	}
	if c.public == "" {
		return nil, configuration("it is signed over the gateway's address: set gateway.publicUrl")
	}
	whole := strings.TrimSuffix(c.public, "/") + c.target
	if p.name == "url" {
		return []byte(whole), nil
	}
	path, query, _ := strings.Cut(whole[len(origin(whole)):], "?")
	if p.name == "query" {
		path = query
	}
	return []byte(path), nil
}

// origin is scheme and host of a URL.
func origin(whole string) string {
	u, err := url.Parse(whole)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// maxFields bounds a form.
const maxFields = 1000

// sortedForm is the fields of a form by name, each with its values in order and no value twice. A body that is no form has
// not been signed by it, so it is refused; none at all is an empty form.
func sortedForm(h http.Header, body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	if !isForm(h) {
		return nil, errors.New("its body is no form")
	}
	fields, err := parseForm(body)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		values := slices.Clone(fields[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			out = append(append(out, name...), value...)
		}
	}
	return out, nil
}

func parseForm(body []byte) (url.Values, error) {
	if bytes.Count(body, []byte("&")) >= maxFields {
		return nil, errors.New("its form has too many fields")
	}
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("its form is malformed")
	}
	return fields, nil
}

func isForm(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// moment reads a Unix time, in seconds (also with a fraction) or milliseconds, or a date. A number in another unit is a time
// that is far from now.
func moment(value string) (time.Time, bool) {
	if at, err := http.ParseTime(value); err == nil {
		return at, true
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at, true
	}
	whole, fraction, _ := strings.Cut(value, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case strings.Trim(fraction, "0123456789") != "" || err != nil && !errors.Is(err, strconv.ErrRange):
		return time.Time{}, false
	case n > 1e11: // in seconds that is the year 5138
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}
