// Package oauth gets access tokens for plugins, keeps them with the credentials and renews them: the recipes oauth2-recipe
// of wit/manifest.wit, by RFC 6749 and RFC 7523.
//
// Guarantees. Of one token, one renewal runs at a time, whoever asks; it does not end with who asked. What a server
// answers is written down, the access token and the refresh token that replaces the old one in one transaction, before any of
// it is used: a kill at any moment leaves the old pair or the new one. A kill, or a disk that fails, between a server's answer
// and that transaction leaves a refresh token that the server has already replaced; whether it takes it once more is the
// server's to say.
//
// A token is got when it is asked for and there is none, or the one there is ends soon; while it has not ended, a server that
// cannot be reached does no harm. A login that the server says has ended is not tried again before a credential or the
// recipe is another one, and what failed otherwise not for some seconds.
//
// No token, secret or answer of a server is part of an error or of a log line. Everything is safe for concurrent use.
package oauth

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/wit"
)

// Vault is where credentials are. account is "" for one that serves all accounts of its owner.
type Vault interface {
	// Get returns the secret, or CodeNotFound.
	Get(ctx context.Context, owner, account, name string) (string, error)
	// PutAll keeps all of the values or none, by name.
	PutAll(ctx context.Context, owner, account string, values map[string]string) error
}

// Client is for whom a token is got, and by what.
type Client struct {
	// Owner is the plugin, Account whose request it is, "" for the plugin's own.
	Owner, Account string
	Recipe         *wit.OAuth2Recipe
	// Setting returns a text of the account's configuration, "" where there is none.
	Setting func(field string) string
	// Do makes a request under the plugin's permission, and follows no redirect.
	Do func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
}

const (
	renewTimeout = 30 * time.Second // of a request for a token
	early        = time.Minute      // before its end, or a quarter of its life
	maxLife      = 365 * 24 * time.Hour
	againAfter   = 10 * time.Second // a failure that may pass
	refusedEvery = 30 * time.Second // between two renewals of one token since a server did not take it
	stateSuffix  = ".state"         // no credential of a manifest has a dot in its name
)

// Keeper keeps the tokens of all plugins.
type Keeper struct {
	vault Vault
	log   hclog.Logger
	tasks sync.WaitGroup

	mu     sync.Mutex
	tokens map[place]*token
}

// place is where a token is kept: for one account, or for all of a plugin.
type place struct{ owner, account, name string }

// token is what is known of a token beside what the vault has.
type token struct {
	renewal *renewal  // that runs, nil for none
	given   string    // the token that somebody has had last
	refused string    // the token that a server did not take
	forced  time.Time // when it was last renewed for that
	failure error     // of the last renewal
	from    string    // what that was tried with
	until   time.Time // when it may be tried again with the same; zero is never
	unkept  *unkept   // what could not be written down
}

// unkept is what a server has answered and the store has not taken: it is not used, and not lost either while the gateway
// runs.
type unkept struct {
	from   string // what it was got by
	values map[string]string
}

// renewal is one that runs. Its result may be read when done is closed.
type renewal struct {
	done chan struct{}
	text string
	err  error
}

// state is what is known of a token that is kept, and stands beside it in the vault.
type state struct {
	// From is a digest of what the token was got by: another secret or recipe makes it void.
	From string `json:"from"`
	// Renew and Ends are Unix milliseconds; 0 where the server does not say.
	Renew int64 `json:"renew,omitempty"`
	Ends  int64 `json:"ends,omitempty"`
}

// New returns a Keeper.
func New(vault Vault, log hclog.Logger) *Keeper {
	return &Keeper{vault: vault, log: log, tokens: map[place]*token{}}
}

// Close waits for the renewals that run, so that none is lost that a server has answered.
func (k *Keeper) Close() { k.tasks.Wait() }

// Forget drops what is known of a plugin's tokens beside what the vault has.
func (k *Keeper) Forget(owner string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.tokens, func(p place, t *token) bool { return p.owner == owner && t.renewal == nil })
}

// Token returns the access token. Errors: CodeUnauthorized where a credential is not set or the server says that the login
// has ended, CodeInvalid where it says that the request can never be right; what may pass is CodeUnavailable, CodeTimeout or
// CodeRateLimited. Each says what to do.
func (k *Keeper) Token(ctx context.Context, c Client) (string, error) {
	in, err := k.gather(ctx, c)
	if err != nil {
		return "", err
	}
	text, err := k.token(ctx, c, in)
	if err == nil {
		k.mu.Lock()
		k.of(in.place).given = text
		k.mu.Unlock()
	}
	return text, err
}

// token is Token by these inputs.
func (k *Keeper) token(ctx context.Context, c Client, in inputs) (string, error) {
	kept, _ := k.kept(ctx, in)
	k.mu.Lock()
	t := k.of(in.place)
	if kept.good(t.refused) {
		k.mu.Unlock()
		return kept.text, nil
	}
	if err := t.failed(in.from, time.Now()); err != nil {
		k.mu.Unlock()
		return kept.orError(t.refused, err)
	}
	r := t.renewal
	if r == nil {
		r = &renewal{done: make(chan struct{})}
		t.renewal = r
		k.tasks.Go(func() { k.run(context.WithoutCancel(ctx), r, c, in.place) })
	}
	refused := t.refused
	k.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		return "", wit.NewError(wit.CodeTimeout, "the token "+c.Recipe.Name+" did not come in time")
	}
	if r.err != nil {
		return kept.orError(refused, r.err)
	}
	return r.text, nil
}

// of returns what is known of a token. The caller holds mu.
func (k *Keeper) of(p place) *token {
	t := k.tokens[p]
	if t == nil {
		t = &token{}
		k.tokens[p] = t
	}
	return t
}

// Refused takes notice that a server did not take a token, and reports whether another one may be got for that.
func (k *Keeper) Refused(ctx context.Context, c Client, text string) bool {
	in, err := k.gather(ctx, c)
	if err != nil {
		return false
	}
	kept, ok := k.kept(ctx, in)
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.of(in.place)
	switch {
	case ok && kept.text != text && kept.text != t.refused: // somebody has renewed it meanwhile
		return true
	case t.refused == text: // or is about to
		return true
	case !t.forced.IsZero() && time.Since(t.forced) < refusedEvery: // the server's mind is made up
		return false
	}
	t.refused, t.forced = text, time.Now()
	return true
}

// LastRefused is Refused for the token that was had last, where who says so cannot know it.
func (k *Keeper) LastRefused(ctx context.Context, c Client) bool {
	in, err := k.gather(ctx, c)
	if err != nil {
		return false
	}
	k.mu.Lock()
	last := k.of(in.place).given
	k.mu.Unlock()
	return last != "" && k.Refused(ctx, c, last)
}

// failed is why a renewal is not tried again now, or nil.
func (t *token) failed(from string, now time.Time) error {
	if t.failure == nil || t.from != from || !t.until.IsZero() && !now.Before(t.until) {
		return nil
	}
	return t.failure
}

// run renews a token, unless somebody has just done so.
func (k *Keeper) run(ctx context.Context, r *renewal, c Client, p place) {
	ctx, cancel := context.WithTimeout(ctx, renewTimeout+5*time.Second)
	defer cancel()
	in, err := k.gather(ctx, c) // a renewal that has just ended may have replaced the refresh token
	if err == nil {
		kept, _ := k.kept(ctx, in)
		k.mu.Lock()
		refused := k.of(p).refused
		k.mu.Unlock()
		if kept.good(refused) {
			r.text = kept.text
		} else {
			r.text, err = k.renew(ctx, c, in)
		}
	}
	r.err = err
	k.mu.Lock()
	t := k.of(p)
	t.renewal, t.failure, t.from = nil, err, in.from
	t.until = time.Time{}
	if err != nil && wit.CodeOf(err).Transient() {
		wait := againAfter
		if after := wit.AsError(err).RetryAfter; after != nil {
			wait = max(wait, time.Duration(*after)*time.Millisecond)
		}
		t.until = time.Now().Add(wait)
	}
	k.mu.Unlock()
	if err != nil {
		k.log.Warn("no access token", "plugin", c.Owner, "account", c.Account, "token", c.Recipe.Name, "error", err)
	}
	close(r.done)
}

// renew asks for a token, unless one waits to be kept, and keeps it before anybody has it.
func (k *Keeper) renew(ctx context.Context, c Client, in inputs) (string, error) {
	k.mu.Lock()
	waits := k.of(in.place).unkept
	k.mu.Unlock()
	if waits == nil || waits.from != in.from {
		a, err := c.ask(ctx, in)
		if err != nil {
			return "", err
		}
		waits = &unkept{in.from, in.values(c.Recipe, a)}
	}
	err := k.vault.PutAll(ctx, c.Owner, in.place.account, waits.values)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.of(in.place).unkept = waits
		return "", wit.Errorf(wit.CodeOf(err), "the access token %s of %s cannot be kept, and is not used before it is: %w", c.Recipe.Name, c.Owner, err)
	}
	k.of(in.place).unkept = nil
	return waits.values[c.Recipe.Name], nil
}

// values are what is kept of an answer, by the names in the vault.
func (in inputs) values(r *wit.OAuth2Recipe, a *answer) map[string]string {
	values, next := map[string]string{r.Name: a.AccessToken}, in
	if name := r.RefreshToken; name != nil && a.RefreshToken != "" && a.RefreshToken != in.secrets[*name] {
		values[*name] = a.RefreshToken
		next.secrets = maps.Clone(in.secrets)
		next.secrets[*name] = a.RefreshToken
	}
	b, _ := json.Marshal(a.state(next.digest(r), time.Now())) // numbers and a text
	values[r.Name+stateSuffix] = string(b)
	return values
}

// kept is a token in the vault.
type kept struct {
	text string
	state
}

// kept returns the token that was got by these inputs.
func (k *Keeper) kept(ctx context.Context, in inputs) (kept, bool) {
	text, err := k.vault.Get(ctx, in.place.owner, in.place.account, in.place.name)
	if err != nil {
		return kept{}, false
	}
	about, err := k.vault.Get(ctx, in.place.owner, in.place.account, in.place.name+stateSuffix)
	found := kept{text: text}
	bad := err != nil || json.Unmarshal([]byte(about), &found.state) != nil
	if bad || found.From != in.from {
		return kept{}, false
	}
	return found, true
}

// good reports whether a token can be used without another thought.
func (t kept) good(refused string) bool {
	return t.text != "" && t.text != refused && (t.Renew == 0 || time.Now().UnixMilli() < t.Renew)
}

// orError is the token as long as it has not ended, or why there is no other.
func (t kept) orError(refused string, err error) (string, error) {
	if t.text != "" && t.text != refused && time.Now().UnixMilli() < t.Ends {
		return t.text, nil
	}
	return "", err
}
