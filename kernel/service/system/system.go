// Package system answers for the gateway as a whole: its health, its status, its log, its settings,
// and what is wrong with it. It stands on the other services and none of them knows it.
//
// It keeps nothing of its own; every answer is made when it is asked for. Safe for concurrent use.
package system

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Account is one account of a channel, in short.
type Account struct {
	Channel string `json:"channel"`
	Account string `json:"account"`
	Label   string `json:"label"`
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	// Wrong: the owner has to do something.
	Wrong bool `json:"-"`
}

// Queues counts what waits.
type Queues struct {
	Runs     int `json:"runs"`
	Outbound int `json:"outbound"`
	Held     int `json:"held"`
	Aside    int `json:"aside"`
}

// Plugin is one plugin, in short.
type Plugin struct {
	ID, State, Reason, Hint string
}

// Setup is what the owner says of a plugin, for Configure.
type Setup struct {
	ID      string            `json:"id" rpc:"required,min=1,max=64"`
	Account string            `json:"account"`
	Enabled *bool             `json:"enabled"`
	Config  wit.JSON          `json:"config"`
	Access  *Access           `json:"access"`
	Secrets map[string]string `json:"secrets"`
}

// Access is who may talk to an account of a channel; see config.Account.
type Access struct {
	DMPolicy       string   `json:"dmPolicy"`
	AllowFrom      []string `json:"allowFrom"`
	GroupPolicy    string   `json:"groupPolicy"`
	Groups         []string `json:"groups"`
	RequireMention *bool    `json:"requireMention"`
}

// Deps is what the answers are made of. Every function is called for each answer and must be quick.
type Deps struct {
	Version    string
	URL        func() string
	StateDir   string
	ConfigPath string
	Agent      string
	Settings   *config.Settings
	Log        *logs.Log
	Sessions   func(context.Context) (session.Overview, error)
	Defaults   func() session.Defaults
	Plugins    func() []Plugin
	Accounts   func() []Account
	Queues     func(context.Context) (Queues, error)
	// CheckStore reads all of the database.
	CheckStore func(context.Context) error
	// CheckConfig checks a plugin's section, or an account's, against its manifest.
	CheckConfig func(plugin, account string, section wit.JSON) error
	// CheckSections says what is wrong with the plugins' sections of the config file.
	CheckSections func() []string
	// PutSecret keeps a credential; the plugin must name it in its manifest.
	PutSecret func(ctx context.Context, plugin, account, name, value string) error
}

// Service answers. New makes it.
type Service struct {
	Deps
	started time.Time
}

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d, started: time.Now()} }

// Methods lists the rows of the method table.
func (s *Service) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("health", wire.ScopeRead, func(ctx context.Context, _ HealthParams) (Health, error) { return s.Health(ctx) }),
		rpc.New("status", wire.ScopeRead, s.status),
		rpc.New("logs.tail", wire.ScopeRead, s.tail),
		rpc.New("config.get", wire.ScopeAdmin, s.getConfig),
		rpc.New("plugins.configure", wire.ScopeAdmin, s.configure),
		rpc.New("doctor", wire.ScopeRead, s.doctor),
	}
}

// memory is what the process uses, in bytes: of the system where it tells, and of Go's runtime.
type memory struct {
	RSS  int64 `json:"rss"`
	Heap int64 `json:"heap"`
}

func usedMemory() memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	used := memory{RSS: int64(m.Sys - m.HeapReleased), Heap: int64(m.HeapAlloc)}
	if pages, err := residentPages(); err == nil {
		used.RSS = pages * int64(os.Getpagesize())
	}
	return used
}

// build is the commit that the binary was built from, where the build says.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
