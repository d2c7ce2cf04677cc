package leak_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/leak"
)

// odd is a secret that every encoding writes otherwise.
const odd = `pa"ss <w>+/\1&ü=word`

// encodings are the ways in which a secret is written somewhere, found or not.
func encodings(t testing.TB, secret string) map[string]string {
	t.Helper()
	inJSON, err := json.Marshal(map[string]string{"a": secret})
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{
		"plain": secret, "json": string(inJSON), "path": url.PathEscape(secret), "query": url.QueryEscape(secret), "go": fmt.Sprintf("%q", secret),
		"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for _, before := range []string{"", "u:", "user:", "x"} {
		list["base64 "+before] = base64.StdEncoding.EncodeToString([]byte(before + secret + ".more"))
		list["base64url "+before] = base64.RawURLEncoding.EncodeToString([]byte(before + secret))
	}
	return list
}

func TestFinder(t *testing.T) {
	secrets := []string{"sk-0123456789abcdef", odd, "short", "sk-0123456789abcdef-and-more", "sk-0123456789abcdef"}
	f := leak.NewFinder(secrets)
	for i, secret := range secrets {
		for name, text := range encodings(t, secret) {
			for _, around := range []string{"%s", "before %s", "%s after", "before %s after", strings.Repeat("x", 3000) + "%s"} {
				found := f.Find(strings.Replace(around, "%s", text, 1))
				if slices.Contains(found, i) != (len(secret) >= leak.Least) {
					t.Errorf("%q as %s: %v in %.60q", secret, name, found, text)
				}
			}
		}
	}
	for _, text := range []string{"", "sk-0123", "sk-0123456789abcde", "nothing of the kind", strings.Repeat("sk-01234", 1000), secrets[0][1:]} {
		if found := f.Find(text); found != nil {
			t.Errorf("%.40q: %v", text, found)
		}
	}
	if none := leak.NewFinder([]string{"short", ""}); none != nil || none.Find(odd) != nil {
		t.Error("a finder of nothing finds something")
	}
}

// FuzzFind compares with a search for each form.
func FuzzFind(f *testing.F) {
	f.Add("sk-0123456789abcdef", "x", "y")
	f.Add(odd, "", "=")
	f.Add("aaaaaaaaaaaaaaaa", "aaa", "aaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		finder := leak.NewFinder([]string{secret})
		for _, text := range []string{before + secret + after, before + after, after + before} {
			want := len(secret) >= leak.Least && slices.ContainsFunc(leak.Forms(secret), func(form string) bool { return strings.Contains(text, form) })
			if got := len(finder.Find(text)) > 0; got != want {
				t.Errorf("%q in %q: %v", secret, text, got)
			}
		}
	})
}

// BenchmarkFind reads a request of a language model, 100 KB, beside so many secrets.
func BenchmarkFind(b *testing.B) {
	text := strings.Repeat(`{"role":"user","content":"What is the weather like in Bern, and what will it be tomorrow?"},`, 1100)
	for _, n := range []int{0, 10, 100, 1000} {
		var secrets []string
		for i := range n {
			secrets = append(secrets, fmt.Sprintf("%x-%d-secret-value-%d", i*7919, i, i))
		}
		f := leak.NewFinder(secrets)
		b.Run(fmt.Sprint(n, " secrets"), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				f.Find(text)
			}
		})
	}
}
