package egress_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/sign"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSigV4: what arrives is signed as it arrives: a server that makes the signature anew, of what it gets, gets the same.
func TestSigV4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := map[string]string{"id": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session": "session token"}
		creds := egress.Credentials(func(name string) (string, error) {
			if v, ok := secrets[name]; ok {
				return v, nil
			}
			return "", wit.NewError(wit.CodeUnauthorized, "not set")
		})
		service, session := "bedrock", false
		var failure, seen string
		r := newInnerRig(t, func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			given := sign.Request{Method: q.Method, Host: q.Host, Path: q.URL.EscapedPath(), Query: q.URL.RawQuery, Digest: sha256.Sum256(body)}
			seen = q.Header.Get("Authorization")
			for name, values := range q.Header {
				for _, v := range values {
					switch name {
					case "Accept-Encoding", "Content-Length", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256":
					default:
						given.Headers = append(given.Headers, sign.Header{Name: name, Value: v})
					}
				}
			}
			keys := sign.Keys{Access: secrets["id"], Secret: secrets["secret"], Region: "eu-central-1", Service: service}
			if session {
				keys.Session = secrets["session"]
			}
			at, err := time.Parse("20060102T150405Z", q.Header.Get("X-Amz-Date"))
			want := sign.SigV4(given, keys, at)
			if got := want[len(want)-1].Value; err != nil || seen != got || time.Since(at).Abs() > time.Second {
				failure = seen + " of " + q.URL.String() + ", want " + got
			}
			_, _ = io.WriteString(w, "you said "+secrets["secret"])
		}, func(c *egress.Config) { c.Media = &files{held: map[string]string{"m1": "a picture"}} })
		policy := anyHost
		policy.Methods, policy.Hosts = []string{"GET", "POST", "PUT"}, append(policy.Hosts, "api.example.com:8443")
		signed := func() *wit.SigV4 {
			return &wit.SigV4{AccessKey: "id", SecretKey: "secret", Region: "eu-central-1", Service: service}
		}
		for name, req := range map[string]*wit.HTTPRequest{
			"a path":     {URL: "https://api.example.com/model/a.b-v2%3A1/invoke?b=2&a=1%2F"},
			"a body":     {Method: "POST", URL: "https://api.example.com/x", Text: new(`{"a":1}`), Headers: []wit.Header{{Name: "content-type", Value: "application/json"}, {Name: "User-Agent", Value: "me"}}},
			"a filled":   {Method: "POST", URL: "https://api.example.com/x?q={{credential:id}}", Text: new(`{{credential:id}}`), Fill: true},
			"a file":     {Method: "PUT", URL: "https://api.example.com/x", Text: new(`{"image":"{{media:m1}}"}`), Embed: []string{"m1"}},
			"two values": {URL: "https://api.example.com:8443/", Headers: []wit.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}}},
		} {
			for _, service = range []string{"bedrock", "s3"} {
				for _, session = range []bool{false, true} {
					time.Sleep(time.Second)
					req.SigV4 = signed()
					if session {
						req.SigV4.SessionToken = new("session")
					}
					failure, seen = "", ""
					res, err := r.client.Do(t.Context(), policy, creds, req)
					if err != nil || failure != "" || seen == "" {
						t.Errorf("%s to %s: %s %v", name, service, failure, err)
						continue
					}
					if strings.Contains(*res.Text, secrets["secret"]) {
						t.Errorf("%s: the secret comes back: %s", name, *res.Text)
					}
				}
			}
		}
		for name, tt := range map[string]struct {
			change func(*wit.HTTPRequest)
			want   wit.Code
		}{
			"its own signature": {func(q *wit.HTTPRequest) { q.Headers = []wit.Header{{Name: "authorization", Value: "x"}} }, wit.CodeInvalid},
			"its own time":      {func(q *wit.HTTPRequest) { q.Headers = []wit.Header{{Name: "x-amz-date", Value: "x"}} }, wit.CodeInvalid},
			"a secret not set":  {func(q *wit.HTTPRequest) { q.SigV4.SecretKey = "other" }, wit.CodeUnauthorized},
		} {
			req := &wit.HTTPRequest{URL: "https://api.example.com/", SigV4: signed()}
			tt.change(req)
			if _, err := r.client.Do(t.Context(), policy, creds, req); wit.CodeOf(err) != tt.want {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestStay: a policy that stays takes a redirect for the answer.
func TestStay(t *testing.T) {
	asked := 0
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		asked++
		http.Redirect(w, q, "https://other.example.com/", http.StatusTemporaryRedirect)
	})
	policy := anyHost
	policy.Stay = true
	res, err := r.client.Do(t.Context(), policy, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Text: new("secret")})
	if err != nil || res.Status != http.StatusTemporaryRedirect || asked != 1 {
		t.Errorf("%+v, %v, asked %d times", res, err, asked)
	}
}
