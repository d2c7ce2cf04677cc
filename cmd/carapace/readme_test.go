package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/config"
)

var fence = regexp.MustCompile("(?ms)^```([a-z]+)( [a-z]+)?\n(.*?)^```$")

// block is one piece of code in the README.
type block struct{ language, kind, text string }

func readme(t *testing.T) []block {
	t.Helper()
	return blocks(t, "README.md")
}

// blocks are the pieces of code on a page of the repository.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repository(t), page))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, m := range fence.FindAllStringSubmatch(string(b), -1) {
		blocks = append(blocks, block{m[1], strings.TrimSpace(m[2]), m[3]})
	}
	return blocks
}

// TestReadmeCommands executes every `$ command` of the README, in order, against one gateway, and compares
// what it prints with what the README shows below it.
func TestReadmeCommands(t *testing.T) {
	state := stateDir(t)
	models, bots := modelServer(t, "sk-readme-test-0123456789"), botServer(t)
	write(t, settingsPath(state), fmt.Sprintf(`{"channels": {"telegram": {"accounts": {"default": {"enabled": false, "config": {"apiRoot": %q}}}}}}`, bots))
	local := strings.NewReplacer("http://127.0.0.1:11434/v1", models, "carapace setup openai --secret", "carapace setup openai --set baseUrl="+models+" --secret")
	serve(t, state)
	bin, ran := path(t), 0
	for _, b := range readme(t) {
		if b.language == "console" && b.kind == "" {
			ran += play(t, state, bin, b.text, local)
		}
	}
	if ran < 10 {
		t.Fatalf("only %d commands were found in the README", ran)
	}
}

// TestInstallingCommands executes every command of the page about installing, in order, against one gateway.
func TestInstallingCommands(t *testing.T) {
	state, page := stateDir(t), blocks(t, "docs/installing.md")
	serve(t, state)
	bin, ran := path(t), 0
	t.Chdir(t.TempDir())
	for _, b := range page {
		if b.language != "console" {
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
		ran += play(t, state, bin, b.text, strings.NewReplacer())
	}
	if ran < 10 {
		t.Fatalf("only %d commands were found on the page", ran)
	}
}

// path is a folder for PATH in which carapace is this program.
func path(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "carapace"), []byte("#!/bin/sh\nexec \"$CARAPACE_TEST_BINARY\" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// play executes a block's commands, puts what is local in the place of what the README names, and says how many they were.
func play(t *testing.T, state, bin, block string, local *strings.Replacer) (ran int) {
	t.Helper()
	for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
		line, shown, _ := strings.Cut(part, "\n")
		out := shell(t, state, bin, local.Replace(line))
		if !pattern(shown).MatchString(squeeze(out)) {
			t.Errorf("$ %s\nprinted\n%s\nand the README shows\n%s", line, out, shown)
		}
		ran++
	}
	return ran
}

// botServer is a Telegram with the bot of the README.
func botServer(t *testing.T) (url string) {
	t.Helper()
	server := botapitest.New(botapitest.Config{Token: botToken})
	url, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return url
}

const botToken = "1234567:readme-test-token-0123456789abcdef"

// modelServer lists models to who has the key, and to who has none where key is empty.
func modelServer(t *testing.T, key string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if got := r.Header.Get("Authorization"); key != "" && got != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`)
			return
		}
		fmt.Fprint(w, `{"data":[{"id":"gpt-6-luna"},{"id":"llama3.2"}]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// pattern matches what a block shows: … inside a line stands for any text, and alone on a line for any lines.
func pattern(shown string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	for line := range strings.Lines(squeeze(shown)) {
		if line = strings.TrimSuffix(line, "\n"); line == "…" {
			b.WriteString(`(?:.*\n)*`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "\n")
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}

var blanks = regexp.MustCompile(` +`)

// squeeze makes runs of blanks one, since the width of a column varies with what is in it.
func squeeze(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(blanks.ReplaceAllString(line, " "), " \n") + "\n")
	}
	return b.String()
}

func shell(t *testing.T, state, bin, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
	defer cancel()
	base := command(ctx, t, state)
	cmd := exec.CommandContext(ctx, "sh", "-ec", line)
	cmd.Env = append(base.Env, "PATH="+bin+":"+os.Getenv("PATH"), "CARAPACE_TEST_BINARY="+base.Path,
		"OPENAI_API_KEY=sk-readme-test-0123456789", "BOT_TOKEN="+botToken)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("$ %s: %v\n%s", line, err, out)
	}
	return string(out)
}

// TestDocumentedCommands: what any page calls a command of carapace is one, with flags and as many arguments as it takes.
func TestDocumentedCommands(t *testing.T) {
	inline := regexp.MustCompile("`carapace ([^`]+)`")
	var pages []string
	for _, glob := range []string{"*.md", "*/*.md", "*/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(repository(t), glob))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
			before, words, among := strings.Cut(m[1], "|") // a|b stands for either
			lines := []string{before}
			if among {
				start := before[:strings.LastIndex(before, " ")+1]
				for _, word := range strings.Split(words, "|") {
					lines = append(lines, start+word)
				}
			}
			for _, line := range lines {
				seen++
				if err := understood(line, among); err != nil {
					t.Errorf("%s: carapace %s: %v", page, line, err)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands are documented", seen)
	}
}

// understood is what the command line says of a command before it does anything. A command that is only named needs none of
// its arguments.
func understood(line string, named bool) error {
	c, rest, err := newRoot(stdio{}).Find(strings.Fields(line))
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	args := c.Flags().Args()
	if !c.HasParent() {
		return fmt.Errorf("there is no such command")
	}
	if named || len(args) == 0 {
		return nil
	}
	return c.Args(c, args)
}

// TestCommandsInMessages: what the gateway and its plugins tell the owner to type is a command, as far as the words are written out.
func TestCommandsInMessages(t *testing.T) {
	inline, seen := regexp.MustCompile("`carapace ([^`\"$%]+)"), 0
	for _, folder := range []string{"builtin-plugins", "kernel", "cmd"} {
		err := filepath.WalkDir(filepath.Join(repository(t), folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
				seen++
				line := strings.TrimSpace(m[1])
				if words := strings.Fields(line); strings.HasPrefix(words[len(words)-1], "--") {
					line = strings.Join(words[:len(words)-1], " ") // what the flag is given is computed
				}
				if err := understood(line, true); err != nil {
					t.Errorf("%s: carapace %s: %v", path, m[1], err)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands are named", seen)
	}
}

// TestReadmeTargets: the README's `make` lines name targets that exist and lead where it says.
func TestReadmeTargets(t *testing.T) {
	want := map[string]string{"run": "bin/carapace", "test": "test ./..."}
	for _, b := range readme(t) {
		if b.language != "sh" || b.kind != "" {
			continue
		}
		for line := range strings.Lines(b.text) {
			words := strings.Fields(line)
			// A make that runs the tests hands what it was told to its children: as RACE=1, and once more in MAKEFLAGS.
			c := exec.Command("make", "-n", "-C", repository(t), words[1], "RACE=")
			c.Env = append(os.Environ(), "MAKEFLAGS=")
			out, err := c.CombinedOutput()
			if words[0] != "make" || err != nil || !strings.Contains(string(out), want[words[1]]) {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
	}
}

// TestReadmeConfig loads the README's config file through the real reader.
func TestReadmeConfig(t *testing.T) {
	for _, b := range readme(t) {
		if b.kind == "config" {
			if _, err := config.Parse([]byte(b.text)); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Fatal("the README shows no config file")
}

// TestReadmePlugin builds the README's plugin with the README's commands, outside the repository, drops
// it into a running gateway, and sees it live, upgraded and gone.
func TestReadmePlugin(t *testing.T) {
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	call, module := "", ""
	for _, b := range readme(t) {
		switch b.language + " " + b.kind {
		case "json plugin":
			write(t, filepath.Join(dir, "plugin.json"), b.text)
		case "go plugin":
			write(t, filepath.Join(dir, "main.go"), b.text)
		case "sh module":
			module = b.text
		case "sh plugin":
			write(t, filepath.Join(dir, "build.sh"), strings.ReplaceAll(module, "/path/to/carapace", repository(t))+b.text)
		case "console plugin":
			call = b.text
		}
	}
	sums, err := os.ReadFile(filepath.Join(repository(t), "go.sum")) // so that nobody is asked for them
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sums))
	build := exec.Command("sh", "-e", "build.sh")
	build.Dir = dir
	build.Env = append(os.Environ(), "CARAPACE_STATE_DIR="+state, "GOFLAGS=-mod=mod", "GONOSUMDB=*")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the README's commands: %v\n%s", err, out)
	}
	await(t, "the plugin to be live", func() bool { return strings.Contains(plugins(t, state), "dice") })
	if info := must(t, state, "plugins", "info", "dice"); !strings.Contains(info, "tool:roll") {
		t.Fatalf("plugins info dice: %s", info)
	}
	if play(t, state, path(t), call, strings.NewReplacer()) != 1 {
		t.Errorf("the README calls the tool by %q", call)
	}
	manifest := filepath.Join(state, "plugins", "dice", "plugin.json")
	b, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	write(t, manifest, strings.Replace(string(b), `"1.0.0"`, `"1.1.0"`, 1))
	await(t, "the upgrade", func() bool { return strings.Contains(plugins(t, state), "1.1.0") })
	write(t, manifest, "{broken")
	await(t, "the reason of the broken update", func() bool { return strings.Contains(plugins(t, state), "plugin.json") })
	if err := os.RemoveAll(filepath.Dir(manifest)); err != nil {
		t.Fatal(err)
	}
	await(t, "the plugin to be gone", func() bool { return !strings.Contains(plugins(t, state), "dice") })
}

func plugins(t *testing.T, state string) string { return must(t, state, "plugins", "list") }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// await asks again until done, for as long as a test has patience; each question
// takes a process of its own.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(gatewaytest.Patience); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
