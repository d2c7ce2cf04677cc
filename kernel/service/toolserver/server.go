package toolserver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// Times of a server.
const (
	patience = 30 * time.Second // until it has answered that it is there, and until it has listed its tools
	pulse    = time.Minute      // between two signs of life
	calm     = time.Second      // between two readings of its list
	renewal  = 10 * time.Minute // after which the list is read again although nothing was said
	settled  = 5 * time.Minute  // after which earlier failures count no more
)

// restart is how long to wait before a server is connected to anew.
var restart = retry.Backoff{Min: time.Second, Max: 5 * time.Minute, Jitter: true}

// The older of the two ways to begin, which each server of the last years understands.
const olderProtocol = "2025-11-25"

// phase is what a server is at.
type phase string

const (
	phaseConnecting phase = "connecting"
	phaseReady      phase = "ready"
	phaseFailed     phase = "failed" // to be connected to anew
	phaseOff        phase = "off"
)

// state is a server at a moment; it is replaced, never changed.
type state struct {
	phase    phase
	since    time.Time
	problem  string    // why it failed, or what of it is left out
	next     time.Time // when it is connected to anew
	tools    []*Tool
	leftOut  []string // tools that cannot be used, with the reason
	title    string   // what it calls itself
	protocol string
}

// server is one server.
type server struct {
	*Service
	name     string
	settings config.MCPServer
	log      hclog.Logger
	now      atomic.Pointer[state]
	look     chan struct{} // the list is to be read again, or the server to be connected to
	over     chan struct{} // closed when nobody wants it any more
	ending   sync.Once
	talk     talks
}

func newServer(s *Service, name string, c config.MCPServer) *server {
	srv := &server{Service: s, name: name, settings: c, log: s.Log.With("server", name), look: make(chan struct{}, 1), over: make(chan struct{})}
	srv.now.Store(&state{phase: phaseConnecting, since: time.Now()})
	return srv
}

func (s *server) close() { s.ending.Do(func() { close(s.over) }) }

// set puts a state in force and tells of it.
func (s *server) set(next state) {
	next.since = time.Now()
	s.now.Store(&next)
	s.announce(s.name, next.phase)
}

// poke has the server looked at now.
func (s *server) poke() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}

// run stays connected until ctx ends.
func (s *server) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		began := time.Now()
		err := s.connection(ctx, failures%2 == 1)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > settled {
			failures = 0
		}
		failures++
		wait := restart.Delay(failures)
		problem := s.said(err)
		s.log.Warn("connection lost", "problem", problem, "retry", wait)
		s.set(state{phase: phaseFailed, problem: problem, next: time.Now().Add(wait)})
		s.rest(ctx, wait)
		if ctx.Err() == nil {
			s.set(state{phase: phaseConnecting, problem: problem})
		}
	}
	s.now.Store(&state{phase: phaseOff, since: time.Now()})
	s.Network.Forget(s.owner())
}

// rest waits until the server is to be connected to again, or somebody wants it now.
func (s *server) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.look:
	case <-ctx.Done():
	}
}

// said is an error as the owner is told of it.
func (s *server) said(err error) string {
	if err == nil {
		return "the server has ended the connection"
	}
	return clip(s.Redact(err.Error()), maxProblem)
}

// connection connects and keeps the list of tools until the connection ends, and returns why.
func (s *server) connection(ctx context.Context, older bool) error {
	line, err := s.line(ctx)
	if err != nil {
		return err
	}
	defer line.end()
	client := mcp.NewClient(&mcp.Implementation{Name: "carapace", Title: "carapace", Version: s.Version}, &mcp.ClientOptions{
		Capabilities: &mcp.ClientCapabilities{}, KeepAlive: pulse, KeepAliveFailureThreshold: 3, Logger: slog.New(slog.DiscardHandler),
		MultiRoundTrip:              &mcp.MultiRoundTripOptions{Disabled: true},
		ToolListChangedHandler:      func(context.Context, *mcp.ToolListChangedRequest) { s.poke() },
		ProgressNotificationHandler: s.talk.heard,
	})
	var options mcp.ClientSessionOptions
	if older {
		options.ProtocolVersion = olderProtocol
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	session, err := client.Connect(waiting, line.transport, &options)
	if err != nil {
		return line.why(waiting, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = session.Wait() // why is asked of the line
		close(ended)
	}()
	defer func() {
		line.hang()
		_ = session.Close()
		<-ended
	}()
	return line.why(ctx, s.keep(ctx, session, ended))
}

// keep reads the list of tools now and when it changes.
func (s *server) keep(ctx context.Context, session *mcp.ClientSession, ended <-chan struct{}) error {
	for {
		if err := s.read(ctx, session); err != nil {
			return err
		}
		if !retry.Sleep(ctx, calm) { // a server that says without end that its list has changed is not asked without end
			return ctx.Err()
		}
		t := time.NewTimer(renewal)
		select {
		case <-s.look:
		case <-t.C:
		case <-ended:
			t.Stop()
			return nil
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		t.Stop()
	}
}

// read puts the server's list in force.
func (s *server) read(ctx context.Context, session *mcp.ClientSession) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l := newLister(s, session)
	if err := l.read(ctx); err != nil {
		return err
	}
	next := state{phase: phaseReady, tools: l.tools, leftOut: l.leftOut}
	if is := session.InitializeResult(); is != nil {
		next.protocol = is.ProtocolVersion
		if is.ServerInfo != nil {
			next.title = clip(s.Redact(is.ServerInfo.Name+" "+is.ServerInfo.Version), maxTitle)
		}
	}
	before := s.now.Load()
	if len(l.leftOut) > 0 {
		next.problem = l.leftOut[0]
	}
	if before.phase != phaseReady {
		s.log.Info("connected", "tools", len(l.tools), "left out", len(l.leftOut))
	}
	s.set(next)
	return nil
}

// line is the way to a server.
type line struct {
	transport mcp.Transport
	// hang tells a program that it is over; end waits until it has ended.
	hang, end func()
	// why says more of an error, and what ended the connection where it is nil.
	why func(ctx context.Context, err error) error
}

// line opens the way to the server. Errors: the vault's, CodeUnavailable for a program that cannot be started.
func (s *server) line(ctx context.Context) (*line, error) {
	if s.settings.Command != "" {
		return s.program(ctx)
	}
	return s.web(ctx), nil
}

// owner is whose connections and credentials the server's are: no plugin's.
func (s *server) owner() string { return credentialOwner + ":" + s.name }

// credentialOwner is no plugin's id. The account is the server's name.
const credentialOwner = "@mcp"

// credential is one that the owner keeps for this server.
func (s *server) credential(name string) (string, error) {
	value, err := s.Vault.Get(context.Background(), credentialOwner, s.name, name)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return "", wit.Errorf(wit.CodeNotFound, "the credential %s is not kept: `carapace mcp login %s %s --value env:VARIABLE` keeps it", name, s.name, name)
	}
	return value, err
}

// waited says of an error that waiting has an end.
func waited(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return wit.Errorf(wit.CodeTimeout, "the server did not answer within %s", patience)
	}
	return err
}
