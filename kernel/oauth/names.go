package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/wit"
)

// askJSON makes the request for a token of an endpoint that takes and answers JSON with names of its own.
func (c Client) askJSON(ctx context.Context, in inputs) (*answer, error) {
	names, secret := c.Recipe.JSON, ""
	if name := c.Recipe.ClientSecret; name != nil {
		secret = in.secrets[*name]
	}
	fields := map[string]string{names.ClientID: in.settings["clientId"], names.ClientSecret: secret}
	for _, p := range c.Recipe.Parameters {
		fields[p.Name] = in.settings["parameter "+p.Name]
	}
	body, _ := json.Marshal(fields) // texts
	headers := []wit.Header{{Name: "Content-Type", Value: "application/json; charset=utf-8"}, {Name: "Accept", Value: "application/json"}}
	res, err := c.post(ctx, in, headers, string(body))
	if err != nil {
		return nil, err
	}
	return c.readNames(res)
}

// readNames reads the answer of such an endpoint. What it calls an error is a number, which is repeated, and words, which are not.
func (c Client) readNames(res *wit.HTTPResponse) (*answer, error) {
	names, fields := c.Recipe.JSON, map[string]json.RawMessage{}
	if res.Text != nil && len(*res.Text) <= maxAnswer {
		_ = json.Unmarshal([]byte(*res.Text), &fields) // what is no JSON has no token
	}
	a, says := &answer{}, strconv.Itoa(int(res.Status))
	_ = json.Unmarshal(fields[names.Token], &a.AccessToken)
	_ = json.Unmarshal(fields[names.Expires], &a.ExpiresIn)
	number := int64(0)
	_ = json.Unmarshal(fields[names.Error], &number)
	if number != 0 {
		says += " with the error " + strconv.FormatInt(number, 10)
	}
	switch {
	case res.Error != nil:
		return nil, c.explain(res.Error.Code, "cannot be had: "+res.Error.Message, res.Error.RetryAfter)
	case slices.Contains(names.Refusals, strconv.FormatInt(number, 10)), res.Status == http.StatusUnauthorized:
		return nil, c.explain(wit.CodeUnauthorized, "is refused: the server answers "+says+", so the id or the secret is wrong: `carapace setup "+c.Owner+"` asks for them", nil)
	case number != 0, res.Status == http.StatusTooManyRequests, res.Status >= 500:
		return nil, c.explain(wit.CodeUnavailable, "cannot be had now: the server answers "+says, retryAfter(res.Headers))
	case res.Status != http.StatusOK:
		return nil, c.explain(wit.CodeInvalid, "is refused: the server answers "+says, nil)
	case !isToken(a.AccessToken):
		return nil, c.explain(wit.CodeUnavailable, "cannot be had: the server's answer has none", nil)
	}
	return a, nil
}
