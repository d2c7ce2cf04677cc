// Package first does what docs/plugins.md says to begin with, from the first command to a message that is answered through the
// new plugin in a running gateway, and says how long it takes.
package first

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/pdk-examples/go-channel/toychat"
)

// Options say what is run.
type Options struct {
	// Carapace is the program, Page the text of docs/plugins.md.
	Carapace, Page string
	// Env is added to the environment of all commands.
	Env []string
	// Fetch does in a new folder what a package manager would do there for a language. Nil is for languages that need none.
	Fetch func(dir, lang string) error
	// Python is the file of the Python interpreter, which a gateway does not have inside.
	Python string
	// Said gets what the commands print.
	Said io.Writer
}

// Result is how it went in one language.
type Result struct {
	Language string
	Steps    []Step
	// Answer is what the person reads in the end.
	Answer string
}

// Step is one command, and how long it took; the last one is the answer.
type Step struct {
	Command string
	Took    time.Duration
}

// Total is how long all took.
func (r Result) Total() (total time.Duration) {
	for _, s := range r.Steps {
		total += s.Took
	}
	return total
}

const (
	kind     = "channel"
	patience = 5 * time.Minute // for what never happens
)

// Languages are those in which a channel can be begun.
func Languages() []string {
	return slices.DeleteFunc(author.Languages(), func(lang string) bool { return !slices.Contains(author.Kinds(sources.FS, lang), kind) })
}

var (
	block    = regexp.MustCompile("(?ms)^```sh first\n(.*?)^```$")
	language = regexp.MustCompile(`--lang \S+`)
	begins   = regexp.MustCompile(`plugins new (\S+)`)
)

// Commands are those that a page shows. One that ends with & goes on beside the others, from when it says "live" on.
func Commands(page string) (lines []string) {
	found := block.FindStringSubmatch(page)
	if found == nil {
		return nil
	}
	for line := range strings.Lines(found[1]) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// Run does all of it in a language, with a gateway and a chat server of its own. Both are gone with it.
func Run(ctx context.Context, o Options, lang string) (r Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "carapace-first-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	chat, url, err := serve(ctx)
	if err != nil {
		return r, err
	}
	o.Said = &shared{w: o.Said}
	s := &shell{o: o, dir: filepath.Join(dir, "work"), env: append(slices.Clone(o.Env), "CARAPACE_STATE_DIR="+filepath.Join(dir, "state"),
		"CHAT_URL="+url, "CHAT_TOKEN="+toychat.Token, "PATH="+filepath.Dir(o.Carapace)+string(os.PathListSeparator)+os.Getenv("PATH"))}
	if err := errors.Join(os.Mkdir(s.dir, 0o700), os.Mkdir(filepath.Join(dir, "state"), 0o700)); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if lang == "python" {
		if err := s.run(ctx, "carapace runtimes install python --from "+o.Python); err != nil {
			return r, err
		}
	}
	if err := s.start(ctx, "carapace serve --port 0", "listens on "); err != nil {
		return r, err
	}
	r.Language = lang
	for _, line := range Commands(o.Page) {
		line = language.ReplaceAllString(line, "--lang "+lang)
		began := time.Now()
		if beside, ok := strings.CutSuffix(line, " &"); ok {
			err = s.start(ctx, beside, "live: ")
		} else {
			err = s.run(ctx, line)
		}
		if made := begins.FindStringSubmatch(line); made != nil && o.Fetch != nil && err == nil {
			err = o.Fetch(filepath.Join(s.dir, made[1]), lang)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %s: %w", lang, line, err)
		}
		r.Steps = append(r.Steps, Step{line, time.Since(began)})
	}
	began := time.Now()
	chat.Say("ann", "hello")
	posts := chat.Posts(ctx, "ann", 1)
	if len(posts) == 0 {
		return r, fmt.Errorf("%s: nothing is answered: %w", lang, context.Cause(ctx))
	}
	r.Answer = posts[0]
	r.Steps = append(r.Steps, Step{"hello is answered", time.Since(began)})
	return r, nil
}

// serve runs a chat until ctx ends.
func serve(ctx context.Context) (*toychat.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	chat := toychat.New()
	server := &http.Server{Handler: chat}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(l) }() // it ends when it is closed
	return chat, "http://" + l.Addr().String(), nil
}

// shared is a writer for several commands at a time.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// shell runs commands in a folder.
type shell struct {
	o       Options
	dir     string
	env     []string
	running []*exec.Cmd
}

func (s *shell) command(ctx context.Context, line string) *exec.Cmd {
	c := exec.CommandContext(ctx, "sh", "-ec", "exec "+line)
	c.Dir, c.Env, c.Stderr = s.dir, append(os.Environ(), s.env...), s.o.Said
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	return c
}

func (s *shell) run(ctx context.Context, line string) error {
	c := s.command(ctx, line)
	c.Stdout = s.o.Said
	return c.Run()
}

// start begins a command that goes on, and returns when it says something.
func (s *shell) start(ctx context.Context, line, says string) error {
	c := s.command(ctx, line)
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.running = append(s.running, c)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(s.o.Said, lines.Text())
		if strings.Contains(lines.Text(), says) {
			go func() { _, _ = io.Copy(io.Discard, out) }() // what it prints must not fill the pipe
			return nil
		}
	}
	return fmt.Errorf("it ends before it says %q", says)
}

// stop ends what goes on, the last one first.
func (s *shell) stop() error {
	var errs []error
	for _, c := range slices.Backward(s.running) {
		_ = c.Process.Signal(os.Interrupt) // it may have ended, which Wait says
		if err := c.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Args[2], err))
		}
	}
	return errors.Join(errs...)
}

// Markdown writes a table of results.
func Markdown(w io.Writer, results []Result) {
	for n, r := range results {
		if n == 0 {
			fmt.Fprint(w, "| language |")
			for _, s := range r.Steps {
				fmt.Fprintf(w, " %s |", strings.Join(strings.Fields(language.ReplaceAllString(s.Command, ""))[:min(3, len(strings.Fields(s.Command)))], " "))
			}
			fmt.Fprintf(w, " together |\n|%s\n", strings.Repeat("---|", len(r.Steps)+2))
		}
		fmt.Fprintf(w, "| %s |", r.Language)
		for _, s := range r.Steps {
			fmt.Fprintf(w, " %.1f s |", s.Took.Seconds())
		}
		fmt.Fprintf(w, " %.1f s |\n", r.Total().Seconds())
	}
}
