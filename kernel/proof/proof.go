// Package proof checks that who calls a webhook is who the plugin's manifest says, by the recipe in it: webhook-facts in
// wit/manifest.wit.
//
// Sense says at load what of a recipe cannot be. A Checker admits calls: it is asked with the whole body, whose bound its
// caller keeps, and before the plugin sees anything. Whatever the recipe does not prove is refused; secrets are compared in
// constant time, and neither a secret nor anything of a call is part of a reason.
//
// A call with a signed time is taken once. What was taken is written down once the caller says so, and not before: a call
// that could not be handled, since the gateway was killed meanwhile or the plugin answered that it cannot now, may come
// again. Between the event's commit and that writing is the one moment at which a kill lets a call be taken twice, which
// the inbox's unique ids are for.
//
// Everything is safe for concurrent use.
package proof

import (
	"context"
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Owner is whose webhook is called: an account of a channel, or a plugin.
type Owner struct {
	// ID tells owners apart, such as chat/main. It is at most 256 bytes.
	ID string
	// Credential returns one of its credentials, or an error where there is none.
	Credential func(ctx context.Context, name string) (string, error)
	// Setting returns a text of its configuration, "" where there is none.
	Setting func(field string) string
	// Fetch makes a request under the plugin's permission.
	Fetch func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
}

// setting is a text of the manifest, or what the configuration's field has that it names.
func (o *Owner) setting(text string) string {
	return setting.Text(text, o.Setting)
}

// Checker checks calls, with what it has learnt for them: keys of issuers, and which calls were taken.
type Checker struct {
	public func() string
	keys   *keyrings
	taken  *taken
}

// New returns a Checker that remembers in db. public is the address by which callers reach the gateway, "" where the
// owner has not said.
func New(db store.Store, public func() string) *Checker {
	return &Checker{public: public, keys: newKeyrings(), taken: newTaken(db)}
}

// Verdict is what becomes of a call.
type Verdict struct {
	// Status is 0 for a call that is handed over, and else what it is answered with.
	Status int
	// Reason is why a call is refused, for the log; "" where it is not.
	Reason string
	// Text is what a call is answered with that is not handed over; JSON says that it is such.
	Text string
	JSON bool
	// Body is what the plugin may see of the body.
	Body []byte

	release func(ctx context.Context, taken bool) error
}

// Concluded says whether the plugin has taken a call that was handed over. It has to be called once for each Verdict with
// Status 0. An error says that the call may be taken again.
func (v *Verdict) Concluded(ctx context.Context, taken bool) error {
	if v.release == nil {
		return nil
	}
	return v.release(ctx, taken)
}

// again is what a call is put off with.
func again(reason string) *Verdict {
	return &Verdict{Status: http.StatusServiceUnavailable, Reason: reason}
}

func refuse(reason string) *Verdict {
	return &Verdict{Status: http.StatusUnauthorized, Reason: reason}
}

func closed(reason string) *Verdict { return &Verdict{Status: http.StatusForbidden, Reason: reason} }

// Asks reports whether a request is a challenge that the recipe has the kernel answer.
func Asks(facts *wit.WebhookFacts, r *http.Request) bool {
	return facts.Challenge != nil && facts.Challenge.Call == nil && r.Method == http.MethodGet && r.URL.Query().Has(facts.Challenge.Answer)
}

// Check gives a verdict on a call.
func (c *Checker) Check(ctx context.Context, o Owner, facts *wit.WebhookFacts, r *http.Request, body []byte) *Verdict {
	if Asks(facts, r) {
		return challenge(ctx, o, facts.Challenge, r)
	}
	return c.opened(ctx, o, facts, r, c.proven(ctx, o, facts, r, body), body)
}

// proven gives a verdict on a call as it came.
func (c *Checker) proven(ctx context.Context, o Owner, facts *wit.WebhookFacts, r *http.Request, body []byte) *Verdict {
	switch facts.Auth {
	case wit.WebhookAuthNone:
		return &Verdict{Body: body}
	case wit.WebhookAuthJWT:
		return c.token(ctx, o, facts, r, body)
	}
	secret := ""
	if facts.Credential != nil {
		secret, _ = o.Credential(ctx, *facts.Credential)
	}
	if secret == "" {
		return closed("there is no credential to authenticate it")
	}
	switch facts.Auth {
	case wit.WebhookAuthBearer:
		if !same(bearer(r.Header), secret) {
			return refuse("it is not authentic")
		}
	case wit.WebhookAuthHeader:
		if facts.Header == nil || !same(r.Header.Get(*facts.Header), secret) {
			return refuse("it is not authentic")
		}
	case wit.WebhookAuthField:
		return inBody(facts, secret, r.Header, body)
	default:
		return c.signed(ctx, o, facts, secret, r, body)
	}
	return &Verdict{Body: body}
}

// maxAnswer bounds what a challenge is answered with: the callers' texts have up to a few dozen bytes.
const maxAnswer = 256

// challenge answers a platform that asks whether the address is meant.
func challenge(ctx context.Context, o Owner, facts *wit.WebhookChallenge, r *http.Request) *Verdict {
	secret, _ := o.Credential(ctx, facts.Credential)
	query := r.URL.Query()
	answer := query.Get(facts.Answer)
	switch {
	case secret == "":
		return closed("there is no credential " + facts.Credential + " to answer its challenge")
	case !same(query.Get(facts.Token), secret):
		return closed("its challenge has another token")
	case len(answer) > maxAnswer:
		return closed("its challenge is longer than any that is answered")
	}
	return &Verdict{Status: http.StatusOK, Text: answer}
}

// signed checks a signature over the call.
func (c *Checker) signed(ctx context.Context, o Owner, facts *wit.WebhookFacts, secret string, r *http.Request, body []byte) *Verdict {
	call := &call{header: r.Header, method: r.Method, target: r.URL.RequestURI(), public: c.public(), body: body}
	items := signatureItems(facts, r.Header)
	if facts.Auth == wit.WebhookAuthSHA256 {
		call.credential = secret
	}
	text, err := call.signedText(facts, items, time.Now())
	if err != nil {
		return closedOrRefused(err)
	}
	if !signatureOf(facts, secret).any(items, text) {
		return refuse("it is not authentic")
	}
	if facts.Timestamp == nil {
		return &Verdict{Body: body}
	}
	v := c.taken.take(ctx, o.ID, text, call.signedAt, window(facts))
	if v.Status == 0 {
		v.Body = body
	}
	return v
}

// window is how far a signed time may be off.
func window(facts *wit.WebhookFacts) time.Duration {
	if facts.Window == 0 {
		return wit.WebhookFactsWindowDefault * time.Millisecond
	}
	return time.Duration(facts.Window) * time.Millisecond
}
