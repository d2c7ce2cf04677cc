// Package examples_test runs every example in a whole gateway: built as its README says, dropped into the
// plugins folder, and reached as its owner would reach it.
package examples_test

import (
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/pdk-examples/go-buttons/toyboard"
	"github.com/carapace-gateway/carapace/pdk-examples/go-channel/toychat"
	"github.com/carapace-gateway/carapace/pdk-examples/go-eventstream/toystream"
	"github.com/carapace-gateway/carapace/pdk-examples/go-provider/toymodel"
	"github.com/carapace-gateway/carapace/wit"
)

// start boots a gateway whose plugins folder holds these examples, or plugins in folders elsewhere.
func start(t *testing.T, examples []string, options ...kerneltest.Option) *kerneltest.Kernel {
	t.Helper()
	state := t.TempDir()
	for _, name := range examples {
		drop(t, filepath.Join(state, "plugins", filepath.Base(name)), name)
	}
	return kerneltest.Start(t, append(options, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript(), kerneltest.Python())...)
}

func drop(t *testing.T, dir, name string) {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(name, "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"plugin.json": manifest}
	if isScript(name) {
		entry := "plugin." + filepath.Base(name)[:2]
		if files[entry], err = os.ReadFile(filepath.Join(name, entry)); err != nil {
			t.Fatal(err)
		}
	} else {
		files["plugin.wasm"] = module(t, name)
	}
	for file, data := range files {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// isScript reports whether an example is run as it is written, and not built.
func isScript(name string) bool {
	base := filepath.Base(name)
	return strings.HasPrefix(base, "ts-") || strings.HasPrefix(base, "py-")
}

// module is the code of an example, built now, or of a plugin that was built once.
func module(t *testing.T, name string) []byte {
	t.Helper()
	if isCompiled(name) {
		return compiled(t, name)
	}
	packed, err := os.Open(filepath.Join(name, "plugin.wasm.gz"))
	if err != nil {
		return kerneltest.WASM(t, "./"+name)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	code, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// commandsOf are the commands of an example's README.
func commandsOf(readme string) string {
	_, commands, _ := strings.Cut(readme, "```sh\n")
	commands, _, _ = strings.Cut(commands, "```")
	return commands
}

// build executes the commands of an example's README on a copy outside of the repository.
func build(t *testing.T, name, readme string) {
	t.Helper()
	commands := commandsOf(readme)
	if commands == "" {
		t.Errorf("%s/README.md does not say how it is built", name)
		return
	}
	if isCompiled(name) {
		compiled(t, name)
		return
	}
	dir, home := t.TempDir(), t.TempDir()
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	module := "module example\n\ngo 1.26.0\n\nrequire github.com/carapace-gateway/carapace v0.0.0\n\nreplace github.com/carapace-gateway/carapace => " + repository + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o644); err != nil {
		t.Fatal(err)
	}
	source, code := "main.go", "plugin.wasm"
	if isScript(name) {
		source, code = "plugin.ts", "plugin.ts"
		if strings.HasPrefix(name, "py-") {
			source, code = "plugin.py", "plugin.py"
			// The interpreter's own page is tested with that command; here it only has to be the one.
			commands = "carapace() { test \"$*\" = \"runtimes install python\"; }\n" + commands
		}
	}
	example := repository + "/pdk-examples/" + name
	if err := follow(dir, home, "cp "+repository+"/go.sum "+example+"/"+source+" "+example+"/plugin.json .\n"+commands); err != nil {
		t.Errorf("%s/README.md: %v", name, err)
	}
	built := filepath.Join(home, ".config", "carapace", "plugins", name)
	if !strings.Contains(commands, "mkdir") {
		built = dir
	}
	for _, file := range []string{"plugin.json", code} {
		if _, err := os.Stat(filepath.Join(built, file)); err != nil {
			t.Errorf("%s/README.md: %v", name, err)
		}
	}
}

// follow executes commands in a folder, for an owner who has not said where the state is.
func follow(dir, home, commands string) error {
	own, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	cmd := exec.Command("sh", "-ec", commands)
	cmd.Dir = dir
	// What compilers keep at home is said first: the environment may say otherwise.
	cmd.Env = []string{"RUSTUP_HOME=" + filepath.Join(own, ".rustup"), "CARGO_HOME=" + filepath.Join(own, ".cargo"), "ZIG_GLOBAL_CACHE_DIR=" + filepath.Join(cache, "zig")}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CARAPACE_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	gopath, err := exec.Command("go", "env", "GOPATH", "GOCACHE").Output()
	if err != nil {
		return err
	}
	folders := strings.Fields(string(gopath))
	cmd.Env = append(cmd.Env, "HOME="+home, "GOPATH="+folders[0], "GOCACHE="+folders[1], "GOFLAGS=-mod=mod", "GONOSUMDB=*")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func serve(t *testing.T, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

func configure(l *kerneltest.Listener, id, account, secret, value string) {
	params := map[string]any{"id": id, "secrets": map[string]string{secret: value}}
	if account != "" {
		params["account"] = account
	}
	l.MustCall("plugins.configure", params, nil)
}

// TestTools: a model calls the tool of each tool example and says what came of it.
func TestTools(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tool, args string
		good       func(string) bool
	}{
		"go-tool":        {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"ts-tool":        {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"py-tool":        {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"as-tool":        {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"c-tool":         {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"zig-tool":       {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"rust-tool":      {"roll", `{"sides":20}`, func(s string) bool { n := 0; _, err := fmt.Sscan(s, &n); return err == nil && n >= 1 && n <= 20 }},
		"as-extism-tool": {"count_words", `{"text":"two words"}`, func(s string) bool { return s == "2 words" }},
		"go-extism-tool": {"count_words", `{"text":"two words"}`, func(s string) bool { return s == "1 lines, 2 words, 9 characters" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := kerneltest.Provider("caller", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
				if last := chat.Turns[len(chat.Turns)-1]; last.Role == wit.RoleTool {
					return kerneltest.Says(kerneltest.Heard(chat)), nil
				}
				args := c.args
				if kerneltest.Heard(chat) == "badly" {
					args = `{"sides":"many","text":7,"celsius":"cold"}`
				}
				return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls),
					ToolCalls: []wit.ToolCall{{ID: "c1", Name: c.tool, Args: wit.JSON(args)}}}, nil
			})
			l := start(t, []string{name}, kerneltest.Plugin(caller)).Listen()
			if got := l.Ask("r1", "well"); !c.good(got) {
				t.Errorf("%s says %q", c.tool, got)
			}
			if got := l.Ask("r2", "badly"); c.good(got) || got == "" {
				t.Errorf("with wrong arguments %s says %q", c.tool, got)
			}
		})
	}
}

// TestSignedLink: the link is signed with the owner's key, which nobody is told.
func TestSignedLink(t *testing.T) {
	t.Parallel()
	config := kerneltest.Config(t, `{"plugins":{"go-signed-link":{"config":{"server":"https://files.example.org"}}}}`)
	caller := kerneltest.Provider("caller", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := chat.Turns[len(chat.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says(kerneltest.Heard(chat)), nil
		}
		return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls), ToolCalls: []wit.ToolCall{{ID: "c1", Name: "signed_link", Args: wit.JSON(`{"path":"/a.pdf"}`)}}}, nil
	})
	l := start(t, []string{"go-signed-link"}, config, kerneltest.Plugin(caller)).Listen()
	if got := l.Ask("r1", "a link"); !strings.Contains(got, "credential key") || strings.Contains(got, "signature=") {
		t.Errorf("without a key: %q", got)
	}
	configure(l, "go-signed-link", "", "key", "k3y-of-the-server")
	got := l.Ask("r2", "a link")
	link, query, _ := strings.Cut(got, "?end=")
	end, signature, _ := strings.Cut(query, "&signature=")
	mac := hmac.New(sha256.New, []byte("k3y-of-the-server"))
	mac.Write([]byte("/a.pdf\n" + end))
	if link != "https://files.example.org/a.pdf" || signature != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("%q", got)
	}
}

// TestChannelAndHook: what somebody writes on the platform is answered there, what came before
// the token was right too, and the hook changes the words.
func TestChannelAndHook(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"go", "ts", "py", "as", "c", "rust", "zig"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			converse(t, language+"-channel", language+"-hook")
		})
	}
}

func converse(t *testing.T, from, hook string) {
	chat, channel := toychat.New(), filepath.Base(from)
	config := kerneltest.Config(t, fmt.Sprintf(
		`{"channels":{%q:{"accounts":{"home":{"dmPolicy":"open","config":{"url":%q}}}}}}`, channel, serve(t, chat)))
	l := start(t, []string{from, hook}, config, kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	configure(l, channel, "home", "token", "wrong-token")
	l.Event("channels.changed", func(payload json.RawMessage) bool {
		return strings.Contains(string(payload), string(wit.ConnectionStateNeedsLogin))
	})
	chat.Say("ann", "are you there?")
	configure(l, channel, "home", "token", toychat.Token)
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if got := chat.Posts(ctx, "ann", 1); len(got) != 1 || !strings.Contains(got[0], "are you there?") {
		t.Fatalf("ann read %q", got)
	}
	l.MustCall("send", map[string]any{"channel": channel, "to": "bob", "message": "prior to that", "idempotencyKey": "s1"}, nil)
	if got := chat.Posts(ctx, "bob", 1); len(got) != 1 || got[0] != "before that" {
		t.Fatalf("bob read %q", got)
	}
	chat.Say("ann", "I utilize a pen in order to write")
	if got := chat.Posts(ctx, "ann", 2); len(got) != 2 || !strings.Contains(got[1], "I use a pen to write") {
		t.Errorf("ann read %q", got)
	}
}

// TestButtons: somebody writes for the first time, the owner is asked with buttons, presses one, and the buttons go. Somebody
// who has never written is found by name.
func TestButtons(t *testing.T) {
	t.Parallel()
	board := toyboard.New(toyboard.Person{ID: "u1", Name: "Ann Li"}, toyboard.Person{ID: "u3", Name: "Cy"})
	config := kerneltest.Config(t, fmt.Sprintf(
		`{"owners":["go-buttons:u1"],"channels":{"go-buttons":{"accounts":{"home":{"config":{"url":%q}}}}}}`, serve(t, board)))
	k := start(t, []string{"go-buttons"}, config, kerneltest.Plugin(kerneltest.Echo("echo")))
	board.Client = k.HTTP()
	l := k.Listen()
	configure(l, "go-buttons", "home", "token", toyboard.Token)
	const hook = "http://gateway/plugins/go-buttons/home/"
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	say := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	say(board.Say(ctx, hook, "u1", "it is me"))
	say(board.Say(ctx, hook, "u2", "let me in"))
	asked, number := board.Wait(ctx, func(m toyboard.Message) bool { return m.To == "u1" && len(m.Buttons) == 2 })
	if number == 0 || asked.Buttons[0].Label != "Approve" {
		t.Fatalf("the owner is asked with %+v", asked)
	}
	say(board.Press(ctx, hook, "u2", asked.Buttons[0].Value, number)) // who is asked about may not answer
	say(board.Press(ctx, hook, "u1", asked.Buttons[0].Value, number))
	if m, n := board.Wait(ctx, func(m toyboard.Message) bool { return strings.HasSuffix(m.Text, "✓ Approved") }); n != number || len(m.Buttons) != 0 {
		t.Errorf("the question is %+v", m)
	}
	say(board.Say(ctx, hook, "u2", "thank you"))
	if _, n := board.Wait(ctx, func(m toyboard.Message) bool { return m.To == "u2" && strings.Contains(m.Text, "thank you") }); n == 0 {
		t.Error("who was let in is not answered")
	}
	l.MustCall("send", map[string]any{"channel": "go-buttons", "to": "cy", "message": "by name", "idempotencyKey": "s1"}, nil)
	if _, n := board.Wait(ctx, func(m toyboard.Message) bool { return m.To == "u3" && m.Text == "by name" }); n == 0 {
		t.Error("who is in the board's directory is not written to by name")
	}
}

// TestGuard: a tool that the owner forbids is not called, another one is, and the model reads no key.
func TestGuard(t *testing.T) {
	t.Parallel()
	safe := kerneltest.Tool("safe", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return &wit.ToolOutput{Content: []wit.Part{{Text: new("it is sk-123")}}}, nil
	})
	caller := kerneltest.Provider("caller", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := chat.Turns[len(chat.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says(kerneltest.Heard(chat)), nil
		}
		return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls),
			ToolCalls: []wit.ToolCall{{ID: "c1", Name: kerneltest.Heard(chat), Args: wit.JSON(`{}`)}}}, nil
	})
	config := kerneltest.Config(t, `{"plugins":{"go-guard":{"config":{"forbid":["roll"]}}}}`)
	l := start(t, []string{"go-guard", "go-tool"}, config, kerneltest.Plugin(caller, safe)).Listen()
	if got := l.Ask("r1", "roll"); !strings.Contains(got, "the owner has forbidden the tool roll") {
		t.Errorf("roll says %q", got)
	}
	if got := l.Ask("r2", "safe"); got != "it is [a key]" {
		t.Errorf("safe says %q", got)
	}
}

// TestReminder: who asks to be reminded in a chat is reminded there.
func TestReminder(t *testing.T) {
	t.Parallel()
	platform := kerneltest.NewPlatform(t)
	caller := kerneltest.Provider("caller", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := chat.Turns[len(chat.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says("I will."), nil
		}
		return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls),
			ToolCalls: []wit.ToolCall{{ID: "c1", Name: "remind", Args: wit.JSON(`{"seconds":1,"text":"the tea"}`)}}}, nil
	})
	config := kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}}}`, platform.URL))
	l := start(t, []string{"go-reminder"}, config, kerneltest.Plugin(caller, kerneltest.Channel("chat"))).Listen()
	configure(l, "chat", "home", "token", "x")
	platform.Say("ann", "remind me of the tea")
	platform.Answered("⏰ the tea")
	for _, post := range platform.Posts() {
		if post.To != "ann" {
			t.Errorf("%s read %q", post.To, post.Text)
		}
	}
}

// TestDigest: the agent is given what people have said, and what it makes of it goes to who asked for it.
func TestDigest(t *testing.T) {
	t.Parallel()
	platform := kerneltest.NewPlatform(t)
	brain := kerneltest.Provider("brain", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
		heard := kerneltest.Heard(chat)
		switch {
		case chat.Turns[len(chat.Turns)-1].Role == wit.RoleTool:
			return kerneltest.Says("It will come."), nil
		case strings.Contains(heard, "Sum up") && strings.Contains(heard, "bob: the boiler leaks\n"):
			return kerneltest.Says("The boiler leaks."), nil
		case heard == "a digest, please":
			return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls),
				ToolCalls: []wit.ToolCall{{ID: "c1", Name: "digest", Args: wit.JSON(`{}`)}}}, nil
		}
		return kerneltest.Says("Noted."), nil
	})
	config := kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}}}`, platform.URL))
	l := start(t, []string{"go-digest"}, config, kerneltest.Plugin(brain, kerneltest.Channel("chat"))).Listen()
	configure(l, "chat", "home", "token", "x")
	platform.Say("bob", "the boiler leaks")
	platform.Answered("Noted.")
	platform.Say("ann", "a digest, please")
	platform.Answered("The boiler leaks.")
	if posts := platform.Posts(); posts[len(posts)-1].To != "ann" {
		t.Errorf("posted %+v", posts)
	}
}

// TestWatch: what another plugin's tool says anew is told where it was asked for.
func TestWatch(t *testing.T) {
	t.Parallel()
	platform := kerneltest.NewPlatform(t)
	var calls atomic.Int64
	shop := kerneltest.Tool("price", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return &wit.ToolOutput{Content: []wit.Part{{Text: new(fmt.Sprint("it costs ", min(6+calls.Add(1), 8)))}}}, nil
	})
	brain := kerneltest.Provider("brain", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
		if chat.Turns[len(chat.Turns)-1].Role == wit.RoleTool {
			return kerneltest.Says(kerneltest.Heard(chat)), nil
		}
		return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls),
			ToolCalls: []wit.ToolCall{{ID: "c1", Name: "watch", Args: wit.JSON(`{"tool":"price","args":{},"seconds":1}`)}}}, nil
	})
	config := kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}}}`, platform.URL))
	l := start(t, []string{"go-watch"}, config, kerneltest.Plugin(brain, shop, kerneltest.Channel("chat"))).Listen()
	configure(l, "chat", "home", "token", "x")
	platform.Say("ann", "watch the price")
	platform.Answered("It says now: it costs 7")
	platform.Answered("price says now: it costs 8")
}

// TestProvider: a chat is answered by the model server, piece by piece; a wrong key is told as one.
func TestProvider(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go-provider", "ts-provider"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask(t, name)
		})
	}
}

func ask(t *testing.T, provider string) {
	config := kerneltest.Config(t, fmt.Sprintf(
		`{"agent":{"model":"%s/echo"},"plugins":{%[1]q:{"config":{"url":%q}}}}`, provider, serve(t, toymodel.New())))
	l := start(t, []string{provider}, config).Listen()
	configure(l, provider, "", "key", "wrong-key")
	l.Send("r1", "hello")
	if end := l.End("r1"); end.State != "error" || !strings.Contains(end.ErrorMessage, "key") {
		t.Errorf("with a wrong key: %+v", end)
	}
	configure(l, provider, "", "key", toymodel.Key)
	if got := strings.TrimSpace(l.Ask("r2", "good morning to you")); got != "good morning to you" {
		t.Errorf("the model says %q", got)
	}
	if u := l.End("r2").Usage; u == nil || u.Output != 4 {
		t.Errorf("usage %+v", u)
	}
}

// TestEventStream: an answer that comes in binary packets is put together; what the server says went wrong, and a packet that
// is damaged, are told.
func TestEventStream(t *testing.T) {
	t.Parallel()
	config := kerneltest.Config(t, fmt.Sprintf(
		`{"agent":{"model":"go-eventstream/echo"},"plugins":{"go-eventstream":{"config":{"url":%q}}}}`, serve(t, toystream.New())))
	l := start(t, []string{"go-eventstream"}, config).Listen()
	if got := strings.TrimSpace(l.Ask("r1", "good morning to you")); got != "good morning to you" {
		t.Errorf("the model says %q", got)
	}
	for id, words := range map[string]string{"r2": "now fail", "r3": "some damage"} {
		l.Send(id, words)
		if end := l.End(id); end.State != "error" || end.ErrorMessage == "" {
			t.Errorf("%s: %+v", words, end)
		}
	}
}

// TestSTT: what somebody says is written down by the server, which gets the recording as it is.
func TestSTT(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go-stt", "ts-stt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transcribe(t, name)
		})
	}
}

func transcribe(t *testing.T, name string) {
	const recording = "OggS\x00 a voice"
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("recording")
		if err != nil {
			t.Errorf("the server got %v", err)
			return
		}
		if got, err := io.ReadAll(file); err != nil || string(got) != recording {
			t.Errorf("the server got %q, %v", got, err)
		}
		fmt.Fprint(w, "buy milk")
	}))
	config := kerneltest.Config(t, fmt.Sprintf(`{"plugins":{%q:{"config":{"url":%q}}}}`, name, url))
	l := start(t, []string{name}, config, kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "", "idempotencyKey": "r1", "attachments": []any{
		map[string]any{"mimeType": "audio/ogg", "content": base64.StdEncoding.EncodeToString([]byte(recording))},
	}}, nil)
	if got := kerneltest.Text(l.End("r1").Message); !strings.HasSuffix(got, "transcribed] buy milk") {
		t.Errorf("%q", got)
	}
}

// TestTTS: what the server says goes to who asks, byte for byte; what is no sound, none at all, too much or a refusal is told.
func TestTTS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go-tts", "ts-tts"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			speak(t, name)
		})
	}
}

func speak(t *testing.T, name string) {
	const sound = "OggS\x00 a voice"
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var order struct{ Text, Format, Voice string }
		if r.URL.Path == "/voices" {
			fmt.Fprint(w, `[{"id":"ann","name":"Ann"}]`)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil || r.URL.Path != "/speak" || order.Format != "mp3" {
			t.Errorf("the server got %s %+v, %v", r.URL, order, err)
		}
		w.Header().Set("Content-Type", "audio/ogg")
		switch order.Text {
		case "page":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<h1>it works</h1>")
		case "nothing":
		case "endless":
			for n := 0; n < 11<<20; n += len(sound) {
				fmt.Fprint(w, sound)
			}
		case "refused":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprint(w, sound)
		}
	}))
	l := start(t, []string{name}, kerneltest.Config(t, fmt.Sprintf(`{"plugins":{%q:{"config":{"url":%q}}}}`, name, url))).Listen()
	var said struct{ AudioBase64, Provider, MimeType, FileExtension string }
	l.MustCall("tts.speak", map[string]any{"text": "good *morning*"}, &said)
	if data, err := base64.StdEncoding.DecodeString(said.AudioBase64); string(data) != sound || err != nil || said.MimeType != "audio/ogg" || said.FileExtension != ".ogg" {
		t.Errorf("%+v, %v", said, err)
	}
	for text, want := range map[string]string{
		"page": "no sound", "nothing": "empty", "endless": "more than 10485760 bytes", "refused": "the key may be wrong", strings.Repeat("x", 2001): "2001 bytes",
	} {
		if err := l.Call(t.Context(), "tts.speak", map[string]any{"text": text}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10s: %v", text, err)
		}
	}
	var list struct{ Voices []wit.Voice }
	l.MustCall("tts.voices", nil, &list)
	if len(list.Voices) != 1 || list.Voices[0].Name != "Ann" {
		t.Errorf("voices %+v", list)
	}
}

// TestWebhook: what the build server signs reaches every client, once; what it has not signed does not.
func TestWebhook(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go-webhook", "ts-webhook"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callback(t, name)
		})
	}
}

func callback(t *testing.T, name string) {
	k := start(t, []string{name})
	l := k.Listen()
	configure(l, name, "", "secret", "what only they know")
	mac := hmac.New(sha256.New, []byte("what only they know"))
	const body = `{"project":"shop","version":"1.2.0"}`
	mac.Write([]byte(body))
	for _, c := range []struct {
		signature, want string
		status          int
	}{{"", "Unauthorized", 401}, {hex.EncodeToString(mac.Sum(nil)), "told", 202}, {hex.EncodeToString(mac.Sum(nil)), "known", 200}} {
		res, text := k.Exchange("POST", "/plugins/"+name+"/deployed", strings.NewReader(body), "Authorization", "", "X-Signature", c.signature)
		if got := strings.TrimSpace(text); res.StatusCode != c.status || got != c.want {
			t.Errorf("signed %.4q…: %d %q", c.signature, res.StatusCode, got)
		}
	}
	l.Event("plugins.event", func(payload json.RawMessage) bool { return strings.Contains(string(payload), body) })
}

// TestService: the clients hear that the site is up, and that it is down.
func TestService(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go-service", "ts-service"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watchSite(t, name)
		})
	}
}

func watchSite(t *testing.T, name string) {
	var status atomic.Int64
	status.Store(http.StatusOK)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	l := start(t, []string{name}).Listen()
	l.MustCall("plugins.configure", map[string]any{"id": name, "config": map[string]string{"url": url}}, nil)
	says := func(answer string) func(json.RawMessage) bool {
		return func(payload json.RawMessage) bool {
			return strings.Contains(string(payload), `{"answers":"`+answer+`"}`)
		}
	}
	l.Event("plugins.event", says("200"))
	status.Store(http.StatusServiceUnavailable)
	l.Event("plugins.event", says("503"))
	var info plugin.Details
	l.MustCall("plugins.info", map[string]any{"id": name}, &info)
	if info.Service == nil || info.Service.State != "running" {
		t.Errorf("it is %+v", info.Service)
	}
}

// TestExamplesAreWhole: each folder has what the others have, its manifest is good and every plugin is
// seen by a gateway without complaint.
func TestExamplesAreWhole(t *testing.T) {
	t.Parallel()
	manifests, err := filepath.Glob("*/plugin.json")
	if err != nil || len(manifests) < 5 {
		t.Fatalf("%v, %v", manifests, err)
	}
	var names []string
	for _, file := range manifests {
		name := filepath.Dir(file)
		names = append(names, name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Decode(data, "1.0.0")
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if m.ID != name {
			t.Errorf("%s has the id %s", file, m.ID)
		}
		readme, err := os.ReadFile(filepath.Join(name, "README.md"))
		if err != nil || !strings.HasPrefix(string(readme), "# "+name+"\n") {
			t.Errorf("%s/README.md does not begin with its name: %v", name, err)
		}
		if lines := strings.Count(string(readme), "\n"); lines < 5 || lines > 15 {
			t.Errorf("%s/README.md has %d lines", name, lines)
		}
		build(t, name, string(readme))
	}
	l := start(t, names, kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	var status struct{ Plugins []plugin.Status }
	l.MustCall("plugins.status", nil, &status)
	seen := map[string]plugin.Status{}
	for _, p := range status.Plugins {
		seen[p.ID] = p
	}
	for _, name := range names {
		if p := seen[name]; p.State == "" || p.State == plugin.StateFailed || p.Reason != "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
