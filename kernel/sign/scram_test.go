package sign_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/sign"
	"github.com/carapace-gateway/carapace/wit"
)

// published are the logins of RFC 7677, section 3, and RFC 5802, section 5, with the password pencil.
func published() map[string]wit.ScramLogin {
	login := func(hash wit.ScramHash, first, challenge string) wit.ScramLogin {
		return wit.ScramLogin{Password: "key", User: "user", Hash: hash, First: &first, Challenge: &challenge}
	}
	return map[string]wit.ScramLogin{
		"SHA-256": login("", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
		"SHA-1":   login(wit.ScramHashSHA1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
	}
}

func TestScram(t *testing.T) {
	for name, want := range map[string]struct{ last, outcome string }{
		"SHA-256": {"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
		"SHA-1":   {"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	} {
		login := published()[name]
		if got, err := sign.Scram(&login, "pencil"); err != nil || got != want.last {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, err := sign.Scram(&login, "pen\u00adcil"); err != nil || got != want.last { // a soft hyphen, which is not seen
			t.Errorf("%s, prepared: %q, %v", name, got, err)
		}
		login.Outcome = &want.outcome
		if got, err := sign.Scram(&login, "pencil"); err != nil || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := sign.Scram(&login, "pencils"); wit.CodeOf(err) != wit.CodeUnauthorized {
			t.Errorf("%s, a server that knows another password: %v", name, err)
		}
	}
	first, err1 := sign.Scram(&wit.ScramLogin{User: "a,b=c"}, "pencil")
	again, err2 := sign.Scram(&wit.ScramLogin{User: "a,b=c"}, "pencil")
	if !strings.HasPrefix(first, "n,,n=a=2Cb=3Dc,r=") || len(first) < 40 || first == again || err1 != nil || err2 != nil {
		t.Errorf("it begins with %q, then with %q: %v, %v", first, again, err1, err2)
	}
}

// TestScramRefused: a server that answers another login, wants too little or too much, or proves nothing.
func TestScramRefused(t *testing.T) {
	good := *published()["SHA-256"].Challenge
	for name, c := range map[string]struct {
		challenge, outcome string
		code               wit.Code
		says               string
	}{
		"nothing":                   {"", "", wit.CodeInvalid, "none of SCRAM's"},
		"a mandatory extension":     {"m=x," + good, "", wit.CodeInvalid, "none of SCRAM's"},
		"another login's":           {strings.Replace(good, "r=rO", "r=rP", 1), "", wit.CodeInvalid, "another login"},
		"a nonce that is ours only": {"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "", wit.CodeInvalid, "another login"},
		"no salt":                   {strings.Replace(good, "W22ZaJ0SNY7soEsUEjb6gQ==", "", 1), "", wit.CodeInvalid, "none of SCRAM's"},
		"a salt that is no base64":  {strings.Replace(good, "W22", "W?2", 1), "", wit.CodeInvalid, "none of SCRAM's"},
		"few iterations":            {strings.Replace(good, "i=4096", "i=1", 1), "", wit.CodeInvalid, "hashed 1 times"},
		"many iterations":           {strings.Replace(good, "i=4096", "i=1000001", 1), "", wit.CodeInvalid, "hashed 1000001 times"},
		"no number":                 {strings.Replace(good, "i=4096", "i=many", 1), "", wit.CodeInvalid, "none of SCRAM's"},
		"a refusal":                 {good, "e=invalid-proof", wit.CodeUnauthorized, "invalid-proof"},
		"no signature":              {good, "v=", wit.CodeUnauthorized, "does not prove"},
		"another signature":         {good, "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", wit.CodeUnauthorized, "does not prove"},
		"no outcome":                {good, "ok", wit.CodeUnauthorized, "does not prove"},
	} {
		login := published()["SHA-256"]
		login.Challenge = &c.challenge
		if c.outcome != "" {
			login.Outcome = &c.outcome
		}
		_, err := sign.Scram(&login, "pencil")
		if wit.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "pencil") {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := published()["SHA-256"]
	other.User = "somebody"
	if _, err := sign.Scram(&other, "pencil"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("another user's beginning: %v", err)
	}
	other.Challenge = nil
	if _, err := sign.Scram(&other, "pencil"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("without a challenge: %v", err)
	}
}
