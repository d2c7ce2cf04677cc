package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// Connections that say nothing: how many are opened, and how many strangers the gateway lets in at most.
const (
	idleConnections = 2000
	strangers       = 1024
)

// idles opens connections without a word and holds them. The gateway has to keep few of them, and the owner has to come in.
func idles(ctx context.Context, g *gateway, _ string) (string, error) {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close()
		}
	}()
	for range idleConnections {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(g.URL, "http://"), answerWithin)
		if err != nil {
			return "", err
		}
		held = append(held, c)
	}
	<-ctx.Done()
	in, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	owner, err := g.Dial(in)
	if err != nil {
		return "", fmt.Errorf("the owner does not come in: %w", err)
	}
	defer owner.Close()
	open, err := stillOpen(held)
	if err == nil && open > strangers {
		err = fmt.Errorf("the gateway keeps %d connections of strangers", open)
	}
	return fmt.Sprintf("%d of %d are kept, those that came last, and the owner comes in", open, idleConnections), err
}

// stillOpen counts the connections that the other side has not closed.
func stillOpen(all []net.Conn) (open int, err error) {
	var one [1]byte
	for _, c := range all {
		if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return 0, err
		}
		if _, err := c.Read(one[:]); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	return open, nil
}

// Connections of a plugin: its accounts, and how many each asks for with each answer.
const (
	hogAccounts     = 8
	connectionsEach = wit.ChannelAnswerOpenMax
)

// connects has a channel open as many connections as it can, to a server that takes them all.
func connects(ctx context.Context, g *gateway, name string) (string, error) {
	server, err := newServer()
	if err != nil {
		return "", err
	}
	defer server.close()
	address := "tcp://" + server.listener.Addr().String()
	return g.with(name, channelPlugin(connector(address)), func(plugin.Status) (string, error) {
		for n := range hogAccounts {
			account := system.Setup{ID: name, Account: fmt.Sprint("account", n), Config: wit.JSON(fmt.Sprintf(`{"url":%q}`, address))}
			if err := g.ask("plugins.configure", account, nil); err != nil {
				return "", err
			}
		}
		<-ctx.Done()
		// One that is replaced is counted here until its end has been read.
		for begin := time.Now(); server.count() < connectionsEach || server.count() > wit.LimitHTTPConnections; time.Sleep(20 * time.Millisecond) {
			if err := g.ask("health", nil, nil); err != nil {
				return "", err // the gateway has stopped
			}
			if time.Since(begin) > answerWithin {
				return "", fmt.Errorf("the plugin has %d connections, at most %d are right", server.count(), wit.LimitHTTPConnections)
			}
		}
		return fmt.Sprintf("%d connections and no more, of %d that it asks for", server.count(), hogAccounts*connectionsEach), nil
	}, usable...)
}

// server accepts connections and holds them. It is safe for concurrent use.
type server struct {
	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool
	holding  sync.WaitGroup
}

func newServer() (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{listener: l, open: map[net.Conn]bool{}}
	s.holding.Go(s.accept)
	return s, nil
}

// accept runs until the listener is closed.
func (s *server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = true
		s.mu.Unlock()
		s.holding.Go(func() { s.hold(c) })
	}
}

// hold keeps a connection until the other side closes it.
func (s *server) hold(c net.Conn) {
	var one [1]byte
	for {
		if _, err := c.Read(one[:]); err != nil {
			break
		}
	}
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// count is how many connections there are.
func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// close closes the listener and all connections.
func (s *server) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.holding.Wait()
}
