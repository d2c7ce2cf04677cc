package openai

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// quiet is after how long without a word a reader is shown that the answer goes on.
	quiet = 15 * time.Second
	// stopTime is how long the stop of a run may take whose client is gone.
	stopTime = 15 * time.Second
	// asker takes turns with others for the places in which runs are executed.
	asker = "http"
)

// audience is who reads an answer while it is written. An error of it means that it is gone.
type audience interface {
	// Say gives what is written since the last call, "" to show that the answer goes on.
	Say(text string) error
}

// nobody waits for the whole answer.
type nobody struct{}

func (nobody) Say(string) error { return nil }

// turn runs r and returns it when it has ended, done or not. What it writes is said to who meanwhile. When the client goes
// away, so does the run. Errors: as run.Service's Submit; CodeTimeout when ctx ends, or who is gone.
func (s *Service) turn(ctx context.Context, r run.Run, who audience) (run.Run, error) {
	written, leave := s.Watch.Follow(r.ID)
	defer leave()
	if _, err := s.Runs.Submit(ctx, run.Request{Run: r}); err != nil {
		return r, err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	type end struct {
		run run.Run
		err error
	}
	ended := make(chan end, 1)
	go func() {
		r, err := s.Runs.Wait(waiting, r.ID)
		ended <- end{r, err}
	}()
	still := time.NewTicker(quiet)
	defer still.Stop()
	said := false
	for {
		var err error
		select {
		case e := <-ended:
			if ctx.Err() != nil {
				return r, s.abandon(r)
			}
			text := written.Read()
			if !said && text == "" && e.run.State == run.Done {
				text = e.run.Answer // it was written before anybody looked
			}
			if e.err == nil && text != "" {
				e.err = who.Say(text)
			}
			return e.run, e.err
		case <-written.News():
			if text := written.Read(); text != "" {
				said, err = true, who.Say(text)
			}
			still.Reset(quiet)
		case <-still.C:
			err = who.Say("")
		}
		if err != nil {
			return r, s.abandon(r)
		}
	}
}

// abandon stops a run whose client is gone.
func (s *Service) abandon(r run.Run) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if _, err := s.Runs.Stop(ctx, run.Selection{Session: r.Session, ID: r.ID}, "disconnected"); err != nil {
		s.log.Warn("run of a client that is gone not stopped", "run", r.ID, "error", err)
	}
	return wit.NewError(wit.CodeTimeout, "the client went away, and the run was stopped")
}

// clients are the names by which those that answer are called as models: those of this gateway, and of those for whose
// clients it stands in.
func clients() []string { return []string{"carapace", "openclaw", "clawdbot", "moltbot"} }

// header is a header of a request under any of these names: X-Carapace-Session-Key, say.
func header(r *http.Request, name string) string {
	for _, c := range clients() {
		if v := r.Header.Get("X-" + c + "-" + name); v != "" {
			return v
		}
	}
	return ""
}

// addressee is the agent that a request's model names, "" for the default one, and else the model that is to answer.
// Errors: CodeNotFound.
func (s *Service) addressee(ctx context.Context, name string) (agent, model string, err error) {
	if name == "" {
		return "", "", nil
	}
	for _, c := range append(clients(), "agent") {
		rest, ok := strings.CutPrefix(name, c)
		if ok && (rest == "" || rest[0] == '/' || rest[0] == ':') {
			agent, err = s.Sessions.Settings().Agent(strings.TrimLeft(rest, "/:"))
			break
		}
	}
	if agent == "" && err == nil {
		model, err = s.Models.Check(ctx, name)
	}
	if err != nil {
		err = &fieldError{wit.AsError(wit.Errorf(wit.CodeNotFound, "there is no model %.80q: GET /v1/models lists them", name)), "model"}
	}
	return agent, model, err
}

// address fills in which run it is, in which session, and who answers. A request with a key of its own is one run however
// often it is sent.
func (s *Service) address(r *http.Request, out *run.Run, prefix, model, user string) (err error) {
	agent, named, err := s.addressee(r.Context(), model)
	if err != nil {
		return err
	}
	agent, out.Model, out.Asker = cmp.Or(header(r, "Agent-Id"), agent), named, asker
	id := strings.ReplaceAll(uuid.NewString(), "-", "")
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		sum := sha256.Sum256([]byte(key))
		id = hex.EncodeToString(sum[:16])
	}
	out.ID = prefix + id
	settings := s.Sessions.Settings()
	if text := header(r, "Session-Key"); text != "" {
		out.Session, err = settings.Find(text, agent)
		return err
	}
	if agent, err = settings.Agent(agent); err != nil {
		return err
	}
	out.Session = settings.Anonymous(agent, id)
	if user != "" {
		out.Session = settings.Caller(agent, "openai-user", user)
	}
	return nil
}

// terms are a request's own tools and bounds.
func terms(tools []wit.ToolSpec, most *uint32, temperature *float64) *run.Terms {
	t := &run.Terms{Functions: tools, Temperature: temperature}
	if most != nil {
		t.MaxTokens = *most
	}
	return t
}
