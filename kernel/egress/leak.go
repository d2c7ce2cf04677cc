package egress

import (
	"cmp"
	"net/url"

	"github.com/carapace-gateway/carapace/wit"
)

// Where in a message something was found that may not be sent.
const (
	inURL    = "the url"
	inHeader = "a header"
	inBody   = "the body"
	inFrame  = "a frame"
)

// leaked refuses a request with something in it that its owner may not send. It is asked before credentials are filled in, so
// what it finds the owner has written itself.
func (c *Client) leaked(m *message, u *url.URL, req *wit.HTTPRequest) error {
	if c.leaks == nil {
		return nil
	}
	ask := func(where, text string) error {
		if text == "" {
			return nil
		}
		return c.leaks(cmp.Or(m.policy.Credentials, m.policy.Owner), where, text)
	}
	query, _ := url.QueryUnescape(u.RawQuery) // what cannot be unescaped is looked at as it is
	for _, text := range []string{req.URL, u.Path, query} {
		if err := ask(inURL, text); err != nil {
			return err
		}
	}
	for i := range req.Headers {
		if err := ask(inHeader, req.Headers[i].Value); err != nil {
			return err
		}
	}
	text, _ := words(req)
	for _, text := range []string{text, string(req.Bytes)} {
		if err := ask(inBody, text); err != nil {
			return err
		}
	}
	for i := range req.Parts {
		part := &req.Parts[i]
		for _, text := range []string{textOf(part.Text), string(part.Bytes)} {
			if err := ask(inBody, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaked refuses a frame likewise.
func (c *Conn) leaked(f *wit.Frame) error {
	if c.leaks == nil {
		return nil
	}
	texts := []string{textOf(f.Text), string(f.Bytes)}
	for i := range f.Parts {
		texts = append(texts, textOf(f.Parts[i].Text), string(f.Parts[i].Bytes))
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		if err := c.leaks(cmp.Or(c.m.policy.Credentials, c.m.policy.Owner), inFrame, text); err != nil {
			return err
		}
	}
	return nil
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
