package talk

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// Phase is what a client that talks is doing.
type Phase string

// The phases.
const (
	Idle      Phase = "idle"
	Listening Phase = "listening"
	Thinking  Phase = "thinking"
	Speaking  Phase = "speaking"
)

// after are the phases that may follow each. Whoever listens may be done, or has heard something to think about; what was thought
// is said, or not; whoever speaks may be interrupted. Something may be said without being asked for.
var after = map[Phase][]Phase{
	Idle: {Listening, Speaking}, Listening: {Thinking, Idle}, Thinking: {Speaking, Listening, Idle}, Speaking: {Listening, Idle},
}

// Mode is what one client does. Ts is when it began to, in Unix milliseconds.
type Mode struct {
	// Client names who talks: the node's or the device's id, or the connection's where there is none.
	Client  string `json:"client"`
	Name    string `json:"name,omitempty"`
	Enabled bool   `json:"enabled"`
	// Phase is null while nobody talks.
	Phase *Phase `json:"phase" rpc:"enum=idle|listening|thinking|speaking"`
	Ts    int64  `json:"ts"`
}

// modes are those of all clients that talk. The zero value is ready to use.
type modes struct {
	mu   sync.Mutex
	list map[string]Mode // by connection
}

// who names a client.
func who(c *rpc.Caller) string {
	if c.DeviceID != "" {
		return c.DeviceID
	}
	return c.ConnID
}

// set changes what a client does, and says whether that is news. Errors: CodeInvalid for a phase that there is not, or that
// cannot follow.
func (m *modes) set(c *rpc.Caller, enabled bool, phase Phase) (Mode, bool, error) {
	if _, known := after[phase]; phase != "" && !known {
		return Mode{}, false, wit.Errorf(wit.CodeInvalid, "there is no phase %.40q: there are idle, listening, thinking and speaking", string(phase))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	was, talks := m.list[c.ConnID]
	now := Mode{Client: who(c), Name: c.Client.DisplayName, Enabled: enabled, Ts: time.Now().UnixMilli()}
	if !enabled {
		delete(m.list, c.ConnID)
		return now, talks, nil
	}
	from := Idle
	if talks {
		from = *was.Phase
	}
	switch {
	case phase == "":
		phase = from
	case phase != from && !slices.Contains(after[from], phase):
		return Mode{}, false, wit.Errorf(wit.CodeInvalid, "talk mode is %s, and %s cannot follow that: %s can", from, phase, names(after[from]))
	}
	if talks && phase == from {
		return was, false, nil
	}
	now.Phase = &phase
	if m.list == nil {
		m.list = map[string]Mode{}
	}
	m.list[c.ConnID] = now
	return now, true, nil
}

func names(list []Phase) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = string(p)
	}
	return strings.Join(words, " or ")
}

// all are those that talk, by client.
func (m *modes) all() []Mode {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Mode, 0, len(m.list))
	for _, mode := range m.list {
		list = append(list, mode)
	}
	slices.SortFunc(list, func(a, b Mode) int { return strings.Compare(a.Client, b.Client) })
	return list
}
