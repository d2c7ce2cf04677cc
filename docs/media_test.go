package docs_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// fileCall is a request as the page shows it: its path, and its body if it has one.
var fileCall = regexp.MustCompile(`^curl http://127\.0\.0\.1:18789(/\S+) -H "Authorization: Bearer \$TOKEN"(?: -d '(.*)')?\n$`)

// moments are what differs each time.
var moments = regexp.MustCompile(`("usedAt"|"expiresAt"): ?\d+|until=\d+&sig=[\w-]+`)

// TestMedia: with the settings of the page, what it uploads is answered as it says, can be got, and reaches a model.
func TestMedia(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("media.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(string(b), -1) {
		shown[m[1]] = m[2]
	}
	// The command line's tests run "sh media" and compare "console list".
	if len(shown) != 7 {
		t.Fatalf("the page has %d blocks", len(shown))
	}
	heard := make(chan string, 1)
	k := kerneltest.Start(t, kerneltest.Config(t, shown["json config"]), kerneltest.Plugin(kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		heard <- string(wit.Marshal(&c.Turns[len(c.Turns)-1]))
		return kerneltest.Says("thanks"), nil
	})))
	if got := plainTimes(t, fileCalled(t, k, shown["sh upload"])); !reflect.DeepEqual(got, plainTimes(t, shown["json upload"])) {
		t.Errorf("an upload is answered with %v", got)
	}
	if got := fileCalled(t, k, shown["sh get"]); got != "hello" {
		t.Errorf("%q", got)
	}
	var attachments []any
	if err := json.Unmarshal([]byte(shown["json attachments"]), &attachments); err != nil {
		t.Fatal(err)
	}
	l := k.Listen()
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "read", "idempotencyKey": "r", "attachments": attachments}, nil)
	l.End("r")
	if got := <-heard; strings.Count(got, "attached: file hello.txt, text/plain") != len(attachments) {
		t.Errorf("the model reads %s", got)
	}
}

// fileCalled makes a request of the page.
func fileCalled(t *testing.T, k *kerneltest.Kernel, block string) string {
	t.Helper()
	m := fileCall.FindStringSubmatch(block)
	if m == nil {
		t.Fatalf("nothing makes this request:\n%s", block)
	}
	method := http.MethodGet
	if m[2] != "" {
		method = http.MethodPost
	}
	res, text := k.Exchange(method, m[1], strings.NewReader(m[2]), "Content-Type", "application/x-www-form-urlencoded") // as curl does
	if res.StatusCode >= 300 {
		t.Fatalf("%s: %d %s", m[1], res.StatusCode, text)
	}
	return text
}

// plainTimes is a JSON object without what differs each time.
func plainTimes(t *testing.T, text string) (v any) {
	t.Helper()
	text = moments.ReplaceAllStringFunc(strings.NewReplacer("until=…&sig=…", "until=0&sig=x", `\u0026`, "&").Replace(text), func(found string) string {
		if name, _, ok := strings.Cut(found, ":"); ok {
			return name + ": 0"
		}
		return "until=0&sig=x"
	})
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
