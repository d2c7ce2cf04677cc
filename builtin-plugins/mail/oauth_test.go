package mail_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail"
	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/oauth/oauthtest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAccessTokens: a mailbox that takes no password is read, answered from, and its large files are fetched, by access tokens that the
// gateway gets and renews; the refresh token that replaces the first one is kept. What the plugin says is what both ways of saying
// it are.
func TestAccessTokens(t *testing.T) {
	t.Parallel()
	for way, secret := range map[string]string{"XOAUTH2": "s3cret-of-the-client", "OAUTHBEARER": ""} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			tokens := &oauthtest.Server{Client: "carapace", Secret: secret, Life: 2 * time.Second, Rotates: true}
			good := func(token string) bool {
				r := httptest.NewRequest("GET", "/hello", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				rec := httptest.NewRecorder()
				tokens.ServeHTTP(rec, r)
				return rec.Code == http.StatusOK
			}
			s, err := mailtest.Listen(mailtest.Config{User: mailtest.User, Token: good, Ways: []string{way}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			endpoint := httptest.NewServer(tokens)
			t.Cleanup(endpoint.Close)
			l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")),
				kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
			secrets := map[string]string{"refreshToken": tokens.Login()}
			if secret != "" {
				secrets["clientSecret"] = secret
			}
			l.MustCall("plugins.configure", map[string]any{
				"id": "mail", "account": "home", "access": map[string]any{"dmPolicy": "open"}, "secrets": secrets, "test": true, "enabled": true,
				"config": map[string]any{"address": mailtest.User, "imap": s.IMAP(), "smtp": s.SMTP(), "auth": "oauth", "tokenUrl": endpoint.URL + "/token", "clientId": "carapace"},
			}, nil)
			until(t, s, "the bot has opened its folder", s.Listening)
			s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "hello"))
			until(t, s, "ann is answered", has(s, "ann@people.test: you said: hello"))
			for asked := tokens.Asked(); tokens.Asked() < asked+2; { // tokens end, and each connection is made by one that has not
				before := s.Logins()
				s.Break()
				until(t, s, "the bot is back", func() bool { return s.Logins() > before && s.Listening() })
			}
			s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "and now?"))
			until(t, s, "ann is answered again", has(s, "ann@people.test: you said: and now?"))
			if s.Refused() != 0 || tokens.Way() != "body" {
				t.Errorf("%d logins were refused, and the secret was shown by %s", s.Refused(), tokens.Way())
			}
			if got := l.Call(t.Context(), "send", map[string]any{"channel": "mail", "to": "bob@people.test", "message": "x", "idempotencyKey": "s1"}, nil); got != nil {
				t.Errorf("a mail unasked: %v", got)
			}
		})
	}
}

// TestAnAccessTokenThatEndsEarly: a server that refuses one before its end has it renewed, when a mailbox is read and when a mail is sent, and
// the owner is not asked for anything.
func TestAnAccessTokenThatEndsEarly(t *testing.T) {
	t.Parallel()
	for name, meets := range map[string]func(t *testing.T, s *mailtest.Server){
		"when it reads": func(t *testing.T, s *mailtest.Server) {
			before := s.Logins()
			s.Break()
			until(t, s, "the bot is back", func() bool { return s.Logins() > before && s.Listening() })
		},
		"when it sends": func(*testing.T, *mailtest.Server) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last, ended atomic.Value
			var refused atomic.Int32
			tokens := &oauthtest.Server{Client: "carapace", Life: time.Hour, Rotates: true}
			s, err := mailtest.Listen(mailtest.Config{User: mailtest.User, Ways: []string{"XOAUTH2"}, Token: func(token string) bool {
				if last.Store(token); ended.Load() == token {
					refused.Add(1)
					return false
				}
				return true
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			endpoint := httptest.NewServer(tokens)
			t.Cleanup(endpoint.Close)
			l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")),
				kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
			l.MustCall("plugins.configure", map[string]any{
				"id": "mail", "account": "home", "access": map[string]any{"dmPolicy": "open"}, "secrets": map[string]string{"refreshToken": tokens.Login()}, "test": true, "enabled": true,
				"config": map[string]any{"address": mailtest.User, "imap": s.IMAP(), "smtp": s.SMTP(), "auth": "oauth", "tokenUrl": endpoint.URL + "/token", "clientId": "carapace"},
			}, nil)
			until(t, s, "the bot has opened its folder", s.Listening)
			ended.Store(last.Load())
			meets(t, s)
			s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "hello"))
			until(t, s, "ann is answered", has(s, "ann@people.test: you said: hello"))
			if refused.Load() != 1 || tokens.Asked() != 2 {
				t.Errorf("%d logins were refused, and %d tokens were got", refused.Load(), tokens.Asked())
			}
			for _, e := range l.Events() {
				if bytes.Contains(e.Payload, []byte("needs_login")) {
					t.Errorf("the owner is asked to log in: %s", e.Payload)
				}
			}
		})
	}
}

// TestAFileIsFetchedByAnAccessToken, in both ways, and not by one that is refused.
func TestAFileIsFetchedByAnAccessToken(t *testing.T) {
	for _, way := range []string{"XOAUTH2", "OAUTHBEARER"} {
		s, err := mailtest.Listen(mailtest.Config{Token: func(token string) bool { return token == "good" }, Ways: []string{way}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.Deliver(multipartLetter(1, "mixed", part("text/plain", "", "see"), part("image/jpeg", inBase64, encoded(picture(200_000)))))
		for token, want := range map[string]wit.Code{"good": "", "bad": wit.CodeUnauthorized} {
			host := &sdktest.Host{Credentials: map[string]string{"accessToken": token}, Dial: func(url string) (net.Conn, error) {
				return net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
			}}
			file, err := mail.Mail{}.Fetch(host.SDK(), &wit.FileQuery{
				Config:  wit.JSON(fmt.Sprintf(`{"address":%q,"imap":%q,"smtp":%q,"auth":"oauth"}`, mailtest.User, s.IMAP(), s.SMTP())),
				Locator: `{"validity":1,"uid":1,"part":"2","encoding":"base64","id":"<file1@people.test>"}`, Most: 1 << 20,
			})
			_, sent := mail.New().Send(host.SDK(), &wit.ChannelSend{
				Account: "home", Config: wit.JSON(fmt.Sprintf(`{"address":%q,"imap":%q,"smtp":%q,"auth":"oauth"}`, mailtest.User, s.IMAP(), s.SMTP())),
				To: wit.Conversation{ID: "ann@people.test"}, Text: "hello", IdempotencyKey: "k1",
			})
			if wit.CodeOf(sent) != want || want != "" && !strings.Contains(sent.Error(), "does not take the access token of bot@mail.test: see whether") || want != "" && !strings.Contains(sent.Error(), "535 5.7.8") {
				t.Errorf("a mail goes by %s and a %s token: %v", way, token, sent)
			}
			host.Renewals = map[string]string{"accessToken": "good"}
			if want != "" {
				_, err := mail.New().Send(host.SDK(), &wit.ChannelSend{
					Account: "home", Config: wit.JSON(fmt.Sprintf(`{"address":%q,"imap":%q,"smtp":%q,"auth":"oauth"}`, mailtest.User, s.IMAP(), s.SMTP())),
					To: wit.Conversation{ID: "ann@people.test"}, Text: "hello", IdempotencyKey: "k2",
				})
				if e := wit.AsError(err); e == nil || e.Code != wit.CodeUnavailable || !e.Retryable || host.Credentials["accessToken"] != "good" {
					t.Errorf("a token that can be renewed: %v", err)
				}
			}
			if err == nil && want == "" && string(host.Files[file.Media]) != string(picture(200_000)) || wit.CodeOf(err) != want {
				t.Errorf("%s, a %s token: %v", way, token, err)
			}
		}
	}
}

// TestAccessTokensGoWrong: what is wrong with a login by access tokens is told with what to do, and nothing of it is kept.
func TestAccessTokensGoWrong(t *testing.T) {
	t.Parallel()
	ended := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
	}
	l := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, `{"secrets":{"keyring":false}}`)).Listen()
	for name, c := range map[string]struct {
		server  mailtest.Config
		answer  http.HandlerFunc
		secrets map[string]string
		says    string
	}{
		"no refresh token":         {mailtest.Config{Token: func(string) bool { return true }}, nil, map[string]string{}, "needs a refresh token"},
		"a server of passwords":    {mailtest.Config{}, nil, nil, "the mail server takes no access tokens"},
		"a token for another user": {mailtest.Config{User: "eve@mail.test", Token: func(string) bool { return true }}, nil, nil, "the mail server does not take the access token of bot@mail.test"},
		"the other way":            {mailtest.Config{Token: func(string) bool { return false }, Ways: []string{"OAUTHBEARER"}}, nil, nil, "is given with `carapace setup mail` (NO [AUTHENTICATIONFAILED]"},
		"a login that has ended":   {mailtest.Config{Token: func(string) bool { return true }}, ended, nil, "the login has ended or its secrets are wrong: `carapace setup mail` asks for them"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := mailtest.Listen(c.server)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			tokens := &oauthtest.Server{Client: "carapace", Life: time.Hour, Answer: c.answer}
			endpoint := httptest.NewServer(tokens)
			t.Cleanup(endpoint.Close)
			if c.secrets == nil {
				c.secrets = map[string]string{"refreshToken": tokens.Login()}
			}
			err = l.Call(t.Context(), "plugins.configure", map[string]any{
				"id": "mail", "account": "home", "secrets": c.secrets, "test": true, "enabled": true,
				"config": map[string]any{"address": mailtest.User, "imap": s.IMAP(), "smtp": s.SMTP(), "auth": "oauth", "tokenUrl": endpoint.URL + "/token", "clientId": "carapace"},
			}, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "-token-0") {
				t.Errorf("%v", err)
			}
		})
	}
}
