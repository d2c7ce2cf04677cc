package oauth

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/sign"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what a server answers.
const (
	maxAnswer = 256 << 10
	maxText   = 32 << 10 // of a token
)

// assertionLife is how long a client's own token is good: servers take no more than an hour.
const assertionLife = 5 * time.Minute

// jwtBearer is the grant of RFC 7523, section 2.1.
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// answer is what a token endpoint says (RFC 6749, sections 5.1 and 5.2).
type answer struct {
	AccessToken  string  `json:"access_token"`
	ExpiresIn    seconds `json:"expires_in"`
	RefreshToken string  `json:"refresh_token"`
	Error        string  `json:"error"`
}

// seconds is a number, which some servers write as a text.
type seconds float64

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	if err == nil {
		*s = seconds(n)
	}
	return nil // an end that cannot be read is none
}

// state is what is kept beside the token.
func (a *answer) state(from string, now time.Time) state {
	s := state{From: from}
	if life := time.Duration(min(max(float64(a.ExpiresIn), 0), maxLife.Seconds()) * float64(time.Second)); life > 0 {
		s.Ends = now.Add(life).UnixMilli()
		s.Renew = now.Add(life - min(early, life/4)).UnixMilli()
	}
	return s
}

// ask makes the request for a token.
func (c Client) ask(ctx context.Context, in inputs) (*answer, error) {
	if c.Recipe.JSON != nil {
		return c.askJSON(ctx, in)
	}
	form, err := c.form(in)
	if err != nil {
		return nil, err
	}
	headers := []wit.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "Accept", Value: "application/json"}}
	id, secret := in.settings["clientId"], ""
	if name := c.Recipe.ClientSecret; name != nil {
		secret = in.secrets[*name]
	}
	switch {
	case id == "":
	case secret == "": // a public client
		form.Set("client_id", id)
	case c.Recipe.ClientAuth == wit.ClientAuthBody:
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	default: // escaped first: RFC 6749, section 2.3.1
		pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
		headers = append(headers, wit.Header{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))})
	}
	res, err := c.post(ctx, in, headers, form.Encode())
	if err != nil {
		return nil, err
	}
	return c.read(res)
}

// post makes a request to the token endpoint.
func (c Client) post(ctx context.Context, in inputs, headers []wit.Header, body string) (*wit.HTTPResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	res, err := c.Do(ctx, &wit.HTTPRequest{ID: "token", Method: http.MethodPost, URL: in.settings["tokenUrl"], Headers: headers,
		Text: &body, Timeout: renewTimeout.Milliseconds()})
	if err != nil {
		return nil, c.explain(wit.CodeOf(err), "cannot be had: "+wit.AsError(err).Message, nil)
	}
	return res, nil
}

// form is the request's parameters.
func (c Client) form(in inputs) (url.Values, error) {
	r, form := c.Recipe, url.Values{}
	for _, p := range r.Parameters {
		form.Set(p.Name, in.settings["parameter "+p.Name])
	}
	if len(r.Scopes) > 0 {
		form.Set("scope", strings.Join(r.Scopes, " "))
	}
	switch r.Grant {
	case wit.OAuth2GrantClientCredentials:
		form.Set("grant_type", "client_credentials")
	case wit.OAuth2GrantJWTBearer:
		assertion, err := c.assertion(in)
		if err != nil {
			return nil, c.explain(wit.CodeUnauthorized, "cannot be asked for: "+wit.AsError(err).Message, nil)
		}
		form.Set("grant_type", jwtBearer)
		form.Set("assertion", assertion)
	default:
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", in.secrets[Main(r)])
	}
	return form, nil
}

// assertion is the client's own token (RFC 7523, section 3). Scopes stand in it too, as service accounts have them.
func (c Client) assertion(in inputs) (string, error) {
	now := time.Now()
	claims := struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub,omitempty"`
		Audience string `json:"aud"`
		Scope    string `json:"scope,omitempty"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{
		cmp.Or(in.settings["issuer"], in.settings["clientId"]), in.settings["subject"], cmp.Or(in.settings["audience"], in.settings["tokenUrl"]),
		strings.Join(c.Recipe.Scopes, " "), now.Unix(), now.Add(assertionLife).Unix(),
	}
	algorithm := wit.SignatureAlgorithmRSASHA256
	if c.Recipe.Algorithm == wit.TokenAlgorithmES256 {
		algorithm = wit.SignatureAlgorithmES256
	}
	return sign.Token(algorithm, in.secrets[Main(c.Recipe)], in.settings["keyId"], claims)
}

// errorName is what a server may call an error. Everything else that it says is not repeated.
var errorName = regexp.MustCompile(`^[a-z_]{1,40}$`)

// read reads the server's answer.
func (c Client) read(res *wit.HTTPResponse) (*answer, error) {
	a := &answer{}
	if res.Text != nil && len(*res.Text) <= maxAnswer {
		_ = json.Unmarshal([]byte(*res.Text), a) // what is no JSON has no token
	}
	says := strconv.Itoa(int(res.Status))
	if errorName.MatchString(a.Error) {
		says += " " + a.Error
	}
	switch {
	case res.Error != nil:
		return nil, c.explain(res.Error.Code, "cannot be had: "+res.Error.Message, res.Error.RetryAfter)
	case res.Status == http.StatusTooManyRequests, res.Status >= 500:
		return nil, c.explain(wit.CodeUnavailable, "cannot be had now: the server answers "+says, retryAfter(res.Headers))
	case res.Status == http.StatusUnauthorized, a.Error == "invalid_grant", a.Error == "invalid_client", a.Error == "unauthorized_client":
		return nil, c.explain(wit.CodeUnauthorized, "is refused: the server answers "+says+", so the login has ended or its secrets are wrong: `carapace setup "+c.Owner+"` asks for them", nil)
	case res.Status != http.StatusOK:
		return nil, c.explain(wit.CodeInvalid, "is refused: the server answers "+says, nil)
	case !isToken(a.AccessToken) || a.RefreshToken != "" && !isToken(a.RefreshToken):
		return nil, c.explain(wit.CodeUnavailable, "cannot be had: the server's answer has none", nil)
	}
	return a, nil
}

// explain is an error about the token.
func (c Client) explain(code wit.Code, what string, after *int64) error {
	return &wit.Error{Code: code, Message: "the access token " + c.Recipe.Name + " of " + c.Owner + " " + what, Retryable: code.Transient(), RetryAfter: after}
}

// isToken reports whether a text can stand in a header.
func isToken(s string) bool {
	return s != "" && len(s) <= maxText && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// retryAfter is what a server says of when it may be asked again, at most an hour.
func retryAfter(headers []wit.Header) *int64 {
	for _, h := range headers {
		if n, err := strconv.ParseUint(h.Value, 10, 31); err == nil && strings.EqualFold(h.Name, "Retry-After") {
			return new(int64(min(n, 3600)) * 1000)
		}
	}
	return nil
}
