package proof

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of keys that come from an issuer.
const (
	maxKeys        = 64
	maxKeySet      = 256 << 10 // bytes
	maxKeyrings    = 1000
	fetchTimeout   = 10 * time.Second
	freshLeast     = 5 * time.Minute
	freshMost      = 24 * time.Hour
	freshUsual     = time.Hour
	unknownEvery   = time.Minute      // for a key that a token names and nobody knows
	failedEvery    = 10 * time.Second // after an attempt that failed
	staleMost      = 24 * time.Hour   // while the issuer does not answer
	leastRSA       = 2048             // bits
	mostRSA        = 8192
	coordinateSize = 32
)

// key is an issuer's public key.
type key struct {
	id     string
	public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey on P-256, or ed25519.PublicKey

	members map[string]json.RawMessage // all that the set says of it
}

// keyrings are the issuers' keys, by whose webhook is called: what one plugin has fetched is no word for another.
type keyrings struct {
	mu   sync.Mutex
	list map[string]*keyring
}

func newKeyrings() *keyrings { return &keyrings{list: map[string]*keyring{}} }

// keyring is the keys of one issuer. Who has its turn may change it.
type keyring struct {
	address string
	turn    chan struct{}

	keys    []key
	fetched time.Time // when keys came
	fresh   time.Duration
	tried   time.Time // when they were last asked for
	err     error     // of that, nil when it went well
}

// find returns an owner's keyring for an address.
func (k *keyrings) find(owner, address string) *keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.list[owner]
	if r == nil || r.address != address {
		if len(k.list) >= maxKeyrings {
			clear(k.list)
		}
		r = &keyring{address: address, turn: make(chan struct{}, 1)}
		k.list[owner] = r
	}
	return r
}

// of returns the keys at an address, which are asked for when there are none, when they are old, and when a token
// names one that is not among them. An error says that there are none.
func (k *keyrings) of(ctx context.Context, o Owner, address, id string) ([]key, error) {
	r := k.find(o.ID, address)
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, errors.New("too many calls wait for them")
	}
	defer func() { <-r.turn }()
	if r.due(id, time.Now()) {
		r.fetch(ctx, o)
	}
	if r.keys == nil || time.Since(r.fetched) > r.fresh+staleMost {
		return nil, r.err
	}
	return r.keys, nil
}

// due reports whether the keys are to be asked for, for a token that names one of them or none.
func (r *keyring) due(id string, now time.Time) bool {
	since := now.Sub(r.tried)
	switch {
	case r.tried.IsZero():
		return true
	case r.err != nil:
		return since >= failedEvery
	case now.Sub(r.fetched) >= r.fresh:
		return true
	}
	known := id == "" || slices.ContainsFunc(r.keys, func(k key) bool { return k.id == id })
	return !known && since >= unknownEvery
}

// fetch asks for the keys. Those that are known stay until others have come. It does not end with the call that wants
// them: the next one does too.
func (r *keyring) fetch(ctx context.Context, o Owner) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	r.tried = time.Now()
	text, headers, err := o.get(ctx, r.address)
	if at := setAddress(text); err == nil && at != "" {
		text, headers, err = o.get(ctx, at)
	}
	var keys []key
	if err == nil {
		keys, err = parseKeys([]byte(text))
	}
	if r.err = err; err == nil {
		r.keys, r.fetched, r.fresh = keys, r.tried, freshness(headers)
	}
}

// get asks for what is at an address.
func (o *Owner) get(ctx context.Context, address string) (text string, headers []wit.Header, err error) {
	res, err := o.Fetch(ctx, &wit.HTTPRequest{ID: "keys", Method: http.MethodGet, URL: address, Timeout: fetchTimeout.Milliseconds(),
		Headers: []wit.Header{{Name: "Accept", Value: "application/json"}}})
	switch {
	case err != nil:
		return "", nil, err
	case res.Error != nil:
		return "", nil, res.Error
	case res.Status != http.StatusOK || res.Text == nil:
		return "", nil, errors.New("the answer is " + strconv.Itoa(int(res.Status)))
	}
	return *res.Text, res.Headers, nil
}

// setAddress is where the keys of an OpenID provider are, by its metadata (OpenID Connect Discovery 1.0, section 3); "" for what is none.
func setAddress(text string) string {
	var metadata struct {
		Keys    json.RawMessage `json:"keys"`
		Address string          `json:"jwks_uri"`
	}
	if len(text) > maxKeySet || json.Unmarshal([]byte(text), &metadata) != nil || metadata.Keys != nil {
		return ""
	}
	return metadata.Address
}

// freshness is how long keys may be kept, by the Cache-Control that they came with (RFC 9111, section 5.2.2.1).
func freshness(headers []wit.Header) time.Duration {
	for _, h := range headers {
		if !strings.EqualFold(h.Name, "Cache-Control") {
			continue
		}
		for directive := range strings.SplitSeq(h.Value, ",") {
			value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(directive)), "max-age=")
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if ok && err == nil {
				return min(max(time.Duration(seconds)*time.Second, freshLeast), freshMost)
			}
		}
	}
	return freshUsual
}

// webKey is a key as RFC 7517 and RFC 8037 have it.
type webKey struct {
	Type      string `json:"kty"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	N, E      string
	X, Y      string
}

// parseKeys reads a JSON Web Key Set. Keys of other kinds and for other uses are passed over; a set without any that
// can be used is an error.
func parseKeys(data []byte) ([]key, error) {
	if len(data) > maxKeySet {
		return nil, errors.New("the set of keys is too large")
	}
	var set struct{ Keys []json.RawMessage }
	if json.Unmarshal(data, &set) != nil {
		return nil, errors.New("the answer is no set of keys")
	}
	var list []key
	for _, text := range set.Keys {
		var w webKey
		k := key{}
		if json.Unmarshal(text, &w) != nil || json.Unmarshal(text, &k.members) != nil {
			return nil, errors.New("the answer is no set of keys")
		}
		if k.id, k.public = w.ID, w.public(); k.public != nil && len(list) < maxKeys {
			list = append(list, k)
		}
	}
	if list == nil {
		return nil, errors.New("the set has no key that can be used")
	}
	return list, nil
}

// public is the key itself, nil where it is none that tokens are checked with.
func (w *webKey) public() crypto.PublicKey {
	if w.Use != "" && w.Use != "sig" {
		return nil
	}
	suits := func(algorithm string) bool { return w.Algorithm == "" || w.Algorithm == algorithm }
	switch {
	case w.Type == "RSA" && suits("RS256"):
		n, e := number(w.N), number(w.E)
		if n.BitLen() < leastRSA || n.BitLen() > mostRSA || e.BitLen() > 31 || e.Int64() < 3 || e.Int64()%2 == 0 {
			return nil
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case w.Type == "EC" && w.Curve == "P-256" && suits("ES256"):
		x, y := octets(w.X), octets(w.Y)
		if len(x) != coordinateSize || len(y) != coordinateSize {
			return nil
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err != nil {
			return nil
		}
		return public
	case w.Type == "OKP" && w.Curve == "Ed25519" && suits("EdDSA"):
		if x := octets(w.X); len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x)
		}
	}
	return nil
}

// octets are bytes in base64url; nil where they are none.
func octets(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

func number(s string) *big.Int { return new(big.Int).SetBytes(octets(s)) }
