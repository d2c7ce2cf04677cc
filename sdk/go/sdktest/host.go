//go:build !wasip1

package sdktest

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Host is a gateway for one test. Set its fields before the plugin is called and read them after; calls
// may run concurrently.
type Host struct {
	// Config is the plugin's configuration, AccountConfig that of accounts.
	Config        wit.JSON
	AccountConfig map[string]wit.JSON
	// HTTP answers requests, which arrive with credentials filled in. Without it they are forbidden.
	HTTP http.Handler
	// Public is the address by which the gateway is reached; "" where the owner has not said.
	Public string
	// Dial opens the sockets of calls. Without it they are forbidden. Starting TLS on one leaves it as it is.
	Dial func(url string) (net.Conn, error)
	// Credentials by name.
	Credentials map[string]string
	// Renewals are access tokens by name that there are in place of those that are refused, each once.
	Renewals map[string]string
	// Media by id.
	Media map[string]wit.MediaInfo
	// Files are what is in media, by id. One that is not here has "media:<id>" in it.
	Files map[string][]byte
	// KV holds the plugin's records. Times to live are not kept.
	KV map[string]string

	// Answers are what agents answer, by the request's IdempotencyKey. A run without one has not ended.
	Answers map[string]string

	// Tools answer calls of other plugins' tools, by name. They must not call the plugin.
	Tools map[string]func(args wit.JSON) (*wit.ToolAnswer, error)
	// Sessions are those of the owner's agents, the last used one first, and Histories what was said in them, by session.
	Sessions  []wit.SessionSummary
	Histories map[string][]wit.HistoryMessage

	// Log, Progress, Emitted, Jobs, Sent and Runs are what the plugin wrote, said of its progress, emitted, set, sent and
	// asked agents.
	Log      []wit.LogLine
	Progress []wit.ProgressReport
	Emitted  []wit.EmittedEvent
	Jobs     map[string]wit.ScheduledJob
	Sent     []wit.OutgoingMessage
	Runs     []wit.AgentRequest

	mu       sync.Mutex
	sockets  map[uint32]net.Conn
	received int // files
}

// SetCredential sets a credential while the plugin runs; without a value it is not set any more.
func (h *Host) SetCredential(name, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Credentials == nil {
		h.Credentials = map[string]string{}
	}
	if delete(h.Credentials, name); value != "" {
		h.Credentials[name] = value
	}
}

// SDK returns the Host that a plugin's methods take.
func (h *Host) SDK() *sdk.Host { return sdk.NewHost(h.answer) }

func (h *Host) answer(name string, param []byte) ([]byte, error) {
	if name != "http_request" && !strings.HasPrefix(name, "socket_") { // those run a test's own code, and nothing is held meanwhile
		h.mu.Lock()
		defer h.mu.Unlock()
	}
	return h.serve(name, param)
}

func handle[In, Out any, PIn interface {
	*In
	codec.Receiver
}, POut interface {
	*Out
	codec.Appender
}](param []byte, f func(PIn) (POut, error)) ([]byte, error) {
	in := PIn(new(In))
	if err := wit.UnmarshalStrict(param, in); err != nil {
		return nil, err
	}
	out, err := f(in)
	if err != nil {
		return nil, err
	}
	return codec.Marshal(out), nil
}

func (h *Host) logWrite(line *wit.LogLine) (*wit.Done, error) {
	h.Log = append(h.Log, *line)
	return &wit.Done{}, nil
}

func (h *Host) configGet(scope *wit.ConfigScope) (*wit.ConfigSection, error) {
	if scope.Account == nil {
		return &wit.ConfigSection{Value: h.Config}, nil
	}
	section, ok := h.AccountConfig[*scope.Account]
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no account %s", *scope.Account)
	}
	return &wit.ConfigSection{Value: section}, nil
}

func (h *Host) kvGet(key *wit.KVKey) (*wit.KVValue, error) {
	if value, ok := h.KV[key.Key]; ok {
		return &wit.KVValue{Value: &value}, nil
	}
	return &wit.KVValue{}, nil
}

func (h *Host) kvPut(entry *wit.KVEntry) (*wit.Done, error) {
	if h.KV == nil {
		h.KV = map[string]string{}
	}
	h.KV[entry.Key] = entry.Value
	return &wit.Done{OK: true}, nil
}

func (h *Host) kvDelete(key *wit.KVKey) (*wit.Done, error) {
	delete(h.KV, key.Key)
	return &wit.Done{OK: true}, nil
}

func (h *Host) kvKeys(prefix *wit.KVPrefix) (*wit.KVKeys, error) {
	limit := int(min(prefix.Limit, wit.KVPrefixLimitCut))
	if limit == 0 {
		limit = wit.KVPrefixLimitDefault
	}
	found := &wit.KVKeys{}
	for key := range h.KV {
		if strings.HasPrefix(key, prefix.Prefix) {
			found.Keys = append(found.Keys, key)
		}
	}
	slices.Sort(found.Keys)
	found.Keys = found.Keys[:min(len(found.Keys), limit)]
	return found, nil
}

func (h *Host) credentialRefused(query *wit.CredentialQuery) (*wit.CredentialRenewal, error) {
	next, again := h.Renewals[query.Name]
	if again {
		h.Credentials[query.Name] = next
		delete(h.Renewals, query.Name)
	}
	return &wit.CredentialRenewal{Again: again}, nil
}

func (h *Host) credentialHas(query *wit.CredentialQuery) (*wit.CredentialPresence, error) {
	_, present := h.Credentials[query.Name]
	return &wit.CredentialPresence{Present: present}, nil
}

func (h *Host) scheduleSet(job *wit.ScheduledJob) (*wit.JobScheduled, error) {
	if h.Jobs == nil {
		h.Jobs = map[string]wit.ScheduledJob{}
	}
	h.Jobs[job.ID] = *job
	return &wit.JobScheduled{Next: job.At}, nil
}

func (h *Host) scheduleCancel(job *wit.JobReference) (*wit.JobScheduled, error) {
	delete(h.Jobs, job.ID)
	return &wit.JobScheduled{}, nil
}

func (h *Host) emitPublish(event *wit.EmittedEvent) (*wit.Done, error) {
	if !json.Valid(event.Payload) && len(event.Payload) > 0 {
		return nil, wit.Errorf(wit.CodeInvalid, "the payload of %s is not JSON", event.Name)
	}
	h.Emitted = append(h.Emitted, *event)
	return &wit.Done{OK: true}, nil
}

func (h *Host) messageSend(message *wit.OutgoingMessage) (*wit.MessageQueued, error) {
	if err := message.Validate(); err != nil {
		return nil, err
	}
	queued := &wit.MessageQueued{Delivery: "plugin:test:" + message.IdempotencyKey}
	if slices.ContainsFunc(h.Sent, func(m wit.OutgoingMessage) bool { return m.IdempotencyKey == message.IdempotencyKey }) {
		return queued, nil
	}
	h.Sent = append(h.Sent, *message)
	return queued, nil
}

func (h *Host) progressReport(report *wit.ProgressReport) (*wit.Done, error) {
	h.Progress = append(h.Progress, *report)
	return &wit.Done{OK: true}, nil
}

func (h *Host) mediaLink(share *wit.MediaShare) (*wit.MediaLink, error) {
	if h.Public == "" {
		return nil, wit.NewError(wit.CodeForbidden, "gateway.publicUrl is not set")
	}
	return &wit.MediaLink{URL: h.Public + "/media/" + share.Media + "?sig=test"}, nil
}

func (h *Host) mediaStat(reference *wit.MediaReference) (*wit.MediaInfo, error) {
	info, ok := h.Media[reference.Media]
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no file %s", reference.Media)
	}
	return &info, nil
}
