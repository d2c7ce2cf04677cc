package proof_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSense: a recipe that can never work, or proves nothing, is refused with words that say what to do.
func TestSense(t *testing.T) {
	const hmac, jwt = `{"auth":"hmac_sha256","header":"X-Sig","credential":"c"`, `{"auth":"jwt","jwt":{"issuer":"i","audience":"a","keys":`
	for text, want := range map[string]string{
		hmac + `}`: "",
		hmac + `,"signed":"v0:{timestamp}:{body}","timestamp":"X-Time","window":60000}`: "",
		hmac + `,"signed":"{timestamp}.{body}","timestamp":"t=","separator":","}`:       "",
		`{"auth":"none"}`: "",
		`{"auth":"none","credential":"c","header":"X"}`:                                       "", // as it was taken before
		`{"auth":"hmac_sha256","header":"X-Sig, X-Time","credential":"c","window":60000}`:     "",
		jwt + `"https://keys.example.org/a"}}`:                                                "",
		jwt + `"https://a.b.example.net/"}}`:                                                  "",
		jwt + `"config:keys"}}`:                                                               "",
		`{"auth":"hmac_sha256","credential":"c"}`:                                             "header: is missing: which header carries what hmac_sha256 checks?",
		`{"auth":"hmac_sha512","header":"X Sig","credential":"c"}`:                            "header: \"X Sig\" is not the name of a header",
		`{"auth":"hmac_sha1","header":"X"}`:                                                   "credential: is missing",
		`{"auth":"field","credential":"c"}`:                                                   "fields: is missing: in which field",
		`{"auth":"jwt"}`:                                                                      "jwt: is missing: who issues",
		`{"auth":"bearer","credential":"c","signed":"{body}"}`:                                "signed: is not looked at by auth bearer",
		`{"auth":"none","timestamp":"X-Time"}`:                                                "timestamp: is not looked at by auth none",
		`{"auth":"none","jwt":{"issuer":"i","audience":"a","keys":"config:keys"}}`:            "jwt: is not looked at by auth none",
		`{"auth":"ed25519","header":"X","credential":"c","keyEncoding":"hex"}`:                "keyEncoding: is not looked at by auth ed25519",
		hmac + `,"fields":["token"]}`:                                                         "fields: is not looked at",
		hmac + `,"signed":"{url}"}`:                                                           "signed: has neither {body} nor {form}",
		hmac + `,"signed":"{body"}`:                                                           "signed: has a { without its }",
		hmac + `,"signed":"{body}{secret}"}`:                                                  "signed: has {secret}, which stands for nothing: use {body}, {timestamp}",
		hmac + `,"signed":"{body}{header:X Y}"}`:                                              "which stands for nothing",
		hmac + `,"signed":"` + strings.Repeat("{body}", 33) + `"}`:                            "signed: has too many placeholders",
		hmac + `,"timestamp":"X-Time"}`:                                                       "signed: is missing: what of the call is signed beside {timestamp}?",
		hmac + `,"signed":"{body}","timestamp":"X-Time"}`:                                     "timestamp: and {timestamp} in signed belong together",
		hmac + `,"signed":"{timestamp}{body}"}`:                                               "timestamp: and {timestamp} in signed belong together",
		hmac + `,"signed":"{timestamp}{body}","timestamp":"t="}`:                              "timestamp: \"t=\" is not a header: as the beginning of an item it needs a separator",
		hmac + `,"window":60000}`:                                                             "window: has no time to be of",
		hmac + `,"signed":"{body}","window":60000}`:                                           "window: has no time to be of",
		hmac + `,"separator":""}`:                                                             "separator: is empty",
		`{"auth":"hmac_sha256","header":"X-Sig, X-Time","credential":"c","signed":"x{body}"}`: "header: names a second header: write it into signed",
		jwt + `"https://other.example.org/"}}`:                                                "jwt.keys: needs \"other.example.org\" among permissions.http.hosts",
		jwt + `"https://example.net/"}}`:                                                      "jwt.keys: needs \"example.net\" among permissions.http.hosts",
		jwt + `"config:app"}}`:                                                                "jwt.keys: needs \"config:app\" among permissions.http.hosts",
		jwt + `"config:other"}}`:                                                              "jwt.keys: names the field \"other\", which config does not have",
		jwt + `"https://user@keys.example.org/"}}`:                                            "jwt.keys: is not an address such as",
		`{"auth":"jwt","jwt":{"issuer":"config:x","audience":"a","keys":"config:keys"}}`:      "jwt.issuer: names the field \"x\", which config does not have",
		`{"auth":"none","challenge":{"token":"t","answer":"t","credential":"c"}}`:             "challenge.answer: is the field with the token",
		sealedRecipe: "",
		`{"auth":"sha256","header":"X","credential":"c"}`:                                                   "signed: is missing: a hash of what anybody can read",
		`{"auth":"sha256","header":"X","credential":"c","signed":"{body}"}`:                                 "signed: and {credential} belong together",
		hmac + `,"signed":"{credential}{body}"}`:                                                            "signed: and {credential} belong together",
		`{"auth":"sha256","header":"X","credential":"c","signed":"{credential}{body}","keyEncoding":"hex"}`: "keyEncoding: is not looked at",
		`{"auth":"field","fields":["t"],"credential":"c","sealed":{"field":"encrypt","credential":"k"}}`:    "sealed: hides the field",
		jwt + `"config:keys/of/it"}}`:                                                                       "",
		jwt + `"config:app/keys"}}`:                                                                         "jwt.keys: needs \"config:app\" among permissions.http.hosts",
	} {
		w := &wit.WebhookFacts{}
		if err := wit.UnmarshalStrict([]byte(text), w); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got []string
		for _, p := range proof.Sense(w, surroundings()) {
			got = append(got, p.Field+": "+p.Text)
		}
		if all := strings.Join(got, "\n"); want == "" && all != "" || !strings.Contains(all, want) {
			t.Errorf("%s: %q, want %q", text, all, want)
		}
	}
}

// TestEndpointsNeedThePermission: what the kernel calls for a plugin, the plugin has to be allowed to call.
func TestEndpointsNeedThePermission(t *testing.T) {
	for name, c := range map[string]struct {
		http *wit.HTTPPermission
		want string
	}{
		"none":            {nil, "needs permissions.http"},
		"another method":  {&wit.HTTPPermission{Hosts: []string{"keys.example.org"}, Methods: []string{"POST"}}, "is called by GET, which permissions.http.methods would have to name"},
		"another path":    {&wit.HTTPPermission{Hosts: []string{"keys.example.org"}, Paths: []string{"/v1/"}}, "needs a prefix of \"/jwks\" among permissions.http.paths"},
		"its own port":    {&wit.HTTPPermission{Hosts: []string{"keys.example.org:443"}}, ""},
		"another port":    {&wit.HTTPPermission{Hosts: []string{"keys.example.org:8443"}}, "needs \"keys.example.org\""},
		"with the method": {&wit.HTTPPermission{Hosts: []string{"keys.example.org"}, Methods: []string{"GET"}, Paths: []string{"/jw"}}, ""},
	} {
		got := strings.Join(proof.Endpoint("https://keys.example.org/jwks", "GET", proof.Surroundings{HTTP: c.http}), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// FuzzCall: whatever a recipe and a call say, who does not know the credential is not believed.
func FuzzCall(f *testing.F) {
	for _, v := range append(vectors(), documented()...) {
		w := recipe(&testing.T{}, v.recipe)
		sig, at := "", ""
		if len(v.headers) > 1 {
			sig = v.headers[1]
		}
		if len(v.headers) > 3 {
			at = v.headers[3]
		}
		f.Add(string(w.Auth), text(w.Signed), text(w.Timestamp), text(w.Prefix), text(w.Separator), string(w.Encoding), sig, at, v.body, "application/x-www-form-urlencoded")
	}
	f.Fuzz(func(t *testing.T, auth, signed, timestamp, prefix, separator, encoding, signature, at, body, kind string) {
		w := &wit.WebhookFacts{Auth: wit.WebhookAuth(auth), Header: new("X-Sig"), Credential: new("c"), Encoding: wit.SignatureEncoding(encoding), Fields: []string{"token", "a.b"}}
		for into, from := range map[**string]string{&w.Signed: signed, &w.Timestamp: timestamp, &w.Prefix: prefix, &w.Separator: separator} {
			if from != "" {
				*into = &from
			}
		}
		if w.Validate() != nil || w.Auth == wit.WebhookAuthNone || w.Auth == wit.WebhookAuthJWT {
			return
		}
		_ = proof.Sense(w, surroundings())
		r := request("POST", "/x?a=b", "")
		for name, value := range map[string]string{"X-Sig": signature, "X-Time": at, "Content-Type": kind, "Authorization": signature} {
			r.Header[name] = []string{value}
		}
		start := time.Now()
		if v := checker(public).Check(t.Context(), owner("a secret that nobody guesses"), w, r, []byte(body)); v.Status == 0 {
			t.Fatalf("%+v is believed", w)
		}
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("took %v", took)
		}
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
