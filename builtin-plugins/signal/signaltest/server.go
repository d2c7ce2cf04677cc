package signaltest

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server.
type Config struct {
	// Account is the number, and ACI the id, of the account; DefaultAccount and DefaultACI when empty.
	Account, ACI string
	// Unlinked is a daemon that does not know the account yet. It was started for none in particular, and can link it.
	Unlinked bool
	// OnStart has the daemon receive also while nobody listens.
	OnStart bool
	// KeepAlive is the time between comments on a stream; 15 seconds when 0.
	KeepAlive time.Duration
	// Chaos may name a fault for a request that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(method string) *Fault
	// Now is the time; time.Now when nil.
	Now func() time.Time
}

// Who a Server's account is that is given none.
const (
	DefaultAccount = "+15550100"
	DefaultACI     = "aaaaaaaa-0000-4000-8000-000000000000"
)

// Server is the daemon with one account. It is an http.Handler. Close it.
type Server struct {
	*web.Host

	cfg    Config
	faults fault.Queue[Fault]

	mu        sync.Mutex
	last      int64 // the time of the last message, which names it
	waiting   []event
	handed    []Handed
	listeners map[*listener]bool
	lost      int
	opened    int
	repeat    int
	files     map[string][]byte
	people    map[string]Person
	groups    map[string]string // names by id
	calls     []Call
	sent      []Sent
	read      map[string]bool
	linking   string
	linked    bool
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	if cfg.Account == "" {
		cfg.Account = DefaultAccount
	}
	if cfg.ACI == "" {
		cfg.ACI = DefaultACI
	}
	if cfg.KeepAlive == 0 {
		cfg.KeepAlive = 15 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{
		cfg: cfg, listeners: map[*listener]bool{}, files: map[string][]byte{},
		people: map[string]Person{}, groups: map[string]string{}, read: map[string]bool{}, linked: !cfg.Unlinked,
	}
	s.Host = web.New(s)
	return s
}

// ServeHTTP answers the daemon's three addresses.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/v1/rpc":
		s.serveRPC(w, r)
	case "/api/v1/events":
		s.serveEvents(w, r)
	case "/api/v1/check":
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// request is a JSON-RPC request.
type request struct {
	JSONRPC string          `json:"jsonrpc"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	ID      any             `json:"id"`
}

// rpcError is JSON-RPC's. Results become its data.
type rpcError struct {
	code    int
	message string
	results []result
}

// serveRPC answers one request.
func (s *Server) serveRPC(w http.ResponseWriter, r *http.Request) {
	var q request
	switch {
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.JSONRPC != "2.0" || q.Method == "" {
		answer(w, nil, nil, &rpcError{code: -32600, message: "method field must be set"})
		return
	}
	fault := s.fault(q.Method)
	if fault != nil && !fault.CutAfter {
		if e, over := fault.play(w, r); over {
			return
		} else if e != nil {
			answer(w, q.ID, nil, e)
			return
		}
	}
	out, e := s.handle(r.Context(), q)
	if fault != nil && fault.CutAfter {
		panic(http.ErrAbortHandler)
	}
	answer(w, q.ID, out, e)
}

// answer writes the answer to a request.
func answer(w http.ResponseWriter, id, out any, e *rpcError) {
	body := map[string]any{"jsonrpc": "2.0", "id": id}
	switch {
	case e == nil && out == nil:
		body["result"] = map[string]any{}
	case e == nil:
		body["result"] = out
	default:
		failure := map[string]any{"code": e.code, "message": e.message, "data": nil}
		if e.results != nil {
			failure["data"] = map[string]any{"response": map[string]any{"timestamp": 1, "results": e.results}}
		}
		body["error"] = failure
	}
	b, _ := json.Marshal(body) // maps, texts and numbers
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}
