// Package system answers for the gateway as a whole: its health, its status, its log, its settings,
// and what is wrong with it. It stands on the other services and none of them knows it.
//
// It keeps nothing of its own; every answer is made when it is asked for. Safe for concurrent use.
package system

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Account is one account of a channel, in short.
type Account struct {
	Channel string `json:"channel"`
	Account string `json:"account"`
	Label   string `json:"label"`
	// State is how its connection is, or why it has none.
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	// Login says that it waits for its owner, who is shown a code by channels.status.
	Login bool `json:"login,omitempty"`
}

// Plugin is one plugin, in short.
type Plugin struct {
	ID, State, Reason, Hint string
	// Name, Version, Description and Origin are for people, and Kinds what it is: channel, provider, tool, …
	Name, Version, Description, Origin string
	Kinds                              []string
	// Update says of a version that waits or could not take its place why; empty for none.
	Update string
	// Crashed is when a call of what runs last panicked, trapped or did not end; zero for never.
	Crashed time.Time
	// Shadowed are its tools that another plugin has under the same name, which are not used.
	Shadowed []string
	// Provider says that it answers as a language model, Transcriber that it transcribes recordings, Speaker that it speaks.
	Provider, Transcriber, Speaker bool
	// Service is how its service is, where it has one that is being run.
	Service *BackgroundService
	// ByHand says that somebody has put it into a folder: whoever could write there granted what it asks for.
	ByHand bool
}

// Plugins is what there is to know of the plugins.
type Plugins interface {
	List() []Plugin
	// Secrets names the credentials that a plugin's manifest asks for; CodeNotFound for an unknown plugin.
	Secrets(id string) ([]string, error)
	// Inspect says what a plugin is; CodeNotFound for an unknown one.
	Inspect(id string) (Inspected, error)
	// CheckConfig checks a plugin's section, or an account's, against its manifest.
	CheckConfig(id, account string, section wit.JSON) error
	// ShowConfig returns a section as an owner may see it.
	ShowConfig(id, account string, section wit.JSON) wit.JSON
	// Sections are what the plugins' manifests say of their sections of the settings.
	Sections() []config.FormSection
	// Settle returns when changed settings are in force.
	Settle()
	// Warm makes a plugin ready to be called, which a first time takes as long as its compilation.
	Warm(ctx context.Context, id string) error
}

// Accounts is what there is to know of the channels' accounts.
type Accounts interface {
	List() []Account
	// Mark is the present moment, for Restart and Test.
	Mark() uint64
	// Restart starts an account anew that has not started since a moment, with the credentials that it has now.
	Restart(channel, account string, since uint64)
	// Test waits until an account that has started since a moment is connected, or says why it is not. login reports that all
	// that it wants is its owner, who is shown a code by channels.status.
	Test(ctx context.Context, channel, account string, since uint64) (login bool, err error)
}

// Sessions counts the sessions: *session.Service.
type Sessions interface {
	Overview(ctx context.Context, models session.Models) (session.Overview, error)
}

// Vault keeps credentials.
type Vault interface {
	Get(ctx context.Context, plugin, account, name string) (string, error)
	Put(ctx context.Context, plugin, account, name, value string) error
	Delete(ctx context.Context, plugin, account, name string) error
	// Kept names all credentials, in order.
	Kept() []Credential
	// Uses lists them with what is known of them.
	Uses() []KeptCredential
	// Status says how they are kept.
	Status() VaultStatus
	// Rekey seals them with a new key, which is kept in source; "" is where it is.
	Rekey(ctx context.Context, source, passphrase string) error
}

// Providers asks a provider whether it can be reached with what it was given.
type Providers interface {
	// List asks for the models. A provider that has no list gives none.
	List(ctx context.Context, provider string, refresh bool) ([]wit.Model, error)
	// ListWith is List by one of several keys, which asks in any case.
	ListWith(ctx context.Context, provider, key string) ([]wit.Model, error)
}

// Speakers tries whether a word can be said aloud.
type Speakers interface {
	Try(ctx context.Context, id string) error
}

// Transcribers tries whether what is said can be transcribed.
type Transcribers interface {
	// Try has a plugin transcribe a recording of the gateway's own, in which nothing is said.
	Try(ctx context.Context, plugin string) error
}

// Deps is what the answers are made of. All of it is asked for each answer and must be quick.
type Deps struct {
	Version  string
	URL      func() string
	StateDir string
	// Agents are the ids of the agents, the default one first.
	Agents   func() []string
	Settings *config.Settings
	// Heartbeat is when an agent wakes by itself.
	Heartbeat func(agent string) Wakes
	Log       *logs.Log
	Sessions  Sessions
	// Agent returns the id of an agent, the default one's for none. Errors: CodeInvalid; CodeNotFound.
	Agent   func(id string) (string, error)
	Models  session.Models
	Plugins Plugins
	// Providers, Transcribers and Speakers, of which the last may be nil, are asked by plugins.configure.
	Providers    Providers
	Transcribers Transcribers
	Speakers     Speakers
	Accounts     Accounts
	// Media says what the kept files take, nil where none are kept.
	Media func(context.Context) (*Media, error)
	Vault Vault
	// Memory is what the plugins' code has.
	Memory     func() PluginMemory
	Encryption Encryption
	// Backups writes backups of the state.
	Backups Backups
	// CheckStore reads all of the database.
	CheckStore func(context.Context) error
	// Services are all services of the gateway: what they check, and what waits in them.
	Services func() []service.Service
}

// Service is those who answer: each knows of the gateway what its answers are made of.
type Service struct {
	monitor *monitor
	doctor  *doctor
	setup   *setup
	backup  backup
	crypt   encryption
	file    *configFile
	form    *configForm
	log     logFile
}

// New returns the service, and logs which sections of the config file are of plugins that there are not.
func New(d Deps) *Service {
	s := &Service{
		monitor: &monitor{
			version: d.Version, url: d.URL, stateDir: d.StateDir, agents: d.Agents, started: time.Now(), settings: d.Settings,
			sessions: d.Sessions, models: d.Models, plugins: d.Plugins, accounts: d.Accounts, memory: d.Memory, services: d.Services,
			heartbeat: d.Heartbeat, media: d.Media,
		},
		doctor: &doctor{
			version: d.Version, url: d.URL, checkStore: d.CheckStore,
			settings: d.Settings, plugins: d.Plugins, memory: d.Memory, services: d.Services,
		},
		setup:  &setup{settings: d.Settings, plugins: d.Plugins, providers: d.Providers, transcribers: d.Transcribers, speakers: d.Speakers, accounts: d.Accounts, vault: d.Vault, agent: d.Agent},
		file:   &configFile{d.Settings, d.Plugins},
		form:   &configForm{version: d.Version, plugins: d.Plugins},
		backup: backup{d.Backups, d.Log.Logger()},
		crypt:  encryption{d.Encryption},
		log:    logFile{d.Log},
	}
	for _, odd := range strangers(d.Plugins, d.Settings.Config(), false) {
		d.Log.Logger().Warn("a section of the config file is of no plugin that there is", "problem", odd.Message)
	}
	return s
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "system", Methods: s.methods(), Events: Events()}
}

// Health says whether the gateway works, and of what it consists: a Health, encoded.
func (s *Service) Health(ctx context.Context) rpc.Encoded {
	begin := time.Now()
	return s.monitor.health(ctx).at(begin)
}

// Channels says how the accounts are, as status does.
func (s *Service) Channels() []Account { return s.monitor.accounts.List() }

// methods lists the rows of the method table.
func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("health", wire.ScopeRead, s.monitor.tell).In4(wire.ScopeNone).OneOf(Health{}).
			Doc("Says whether the gateway works, and of what it consists."),
		rpc.New("status", wire.ScopeRead, s.monitor.status).Doc("Says what the gateway is made of and how much it has to do."),
		rpc.New("system.info", wire.ScopeRead, s.monitor.machine).Doc("Describes the machine that the gateway runs on."),
		rpc.New("plugins.list", wire.ScopeRead, s.monitor.listPlugins).Doc("Lists the plugins as the pages of protocol 4 do; plugins.status says more."),
		rpc.New("plugins.inspect", wire.ScopeRead, s.monitor.inspect).Fails(wire.NotFound).
			Doc("Says what a plugin is and where it comes from, for who is to turn it on; plugins.info says more."),
		rpc.New("plugins.setEnabled", wire.ScopeAdmin, s.setup.setEnabled).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugins.changed").
			Doc("Turns a plugin on or off, at once."),
		rpc.New("logs.tail", wire.ScopeRead, s.log.tail).Doc("Returns the newest lines of the log, or those after a cursor."),
		rpc.New("config.get", wire.ScopeAdmin, s.file.get).In4(wire.ScopeRead).Doc("Returns the config file without its secrets."),
		rpc.New("config.set", wire.ScopeAdmin, s.file.set).Audited().Fails(wire.Conflict).Emits("config.changed").
			Doc("Puts a whole text in the config file's place, and in force."),
		rpc.New("config.apply", wire.ScopeAdmin, s.file.apply).Audited().Fails(wire.Conflict).Emits("config.changed").
			Doc("Does the same as config.set, for the clients that use this name."),
		rpc.New("config.validate", wire.ScopeAdmin, s.file.validate).Doc("Says whether settings could be used, and changes nothing."),
		rpc.New("config.reload", wire.ScopeAdmin, s.file.reload).Audited().Fails(wire.NotFound).Emits("config.changed").
			Doc("Puts the config file in force as it is now; without it that takes up to a second."),
		rpc.NewKept("config.schema", wire.ScopeAdmin, s.form.schema, s.form.schemaBasis).In4(wire.ScopeRead).Doc("Describes all settings, for a form."),
		rpc.New("config.schema.lookup", wire.ScopeAdmin, s.form.lookup).In4(wire.ScopeRead).Fails(wire.NotFound).
			Doc("Describes one setting and what stands below it."),
		rpc.New("config.patch", wire.ScopeAdmin, s.file.patch).Audited().Fails(wire.Conflict).Emits("config.changed").
			Doc("Changes the config file, and puts the change in force."),
		rpc.New("plugins.configure", wire.ScopeAdmin, s.setup.configure).Audited().Fails(wire.ForeignErrors()...).Emits("config.changed").
			Doc("Keeps settings and credentials of a plugin, or of an account of a channel."),
		rpc.New("plugins.revoke", wire.ScopeAdmin, s.setup.revoke).Audited().Fails(wire.NotFound).
			Doc("Takes credentials of a plugin back, or of an account of a channel with all its settings."),
		rpc.New("plugins.credentials", wire.ScopeAdmin, s.setup.credentials).Doc("Names the credentials that are kept."),
		rpc.New("credentials.list", wire.ScopeAdmin, s.setup.listCredentials).Doc("Lists the credentials that are kept, without what they are."),
		rpc.New("credentials.status", wire.ScopeAdmin, s.setup.vaultStatus).Doc("Says how credentials are kept, and where the key is."),
		rpc.New("credentials.set", wire.ScopeAdmin, s.setup.setCredential).Audited().Fails(wire.NotFound).
			Doc("Keeps a credential, encrypted; an account that has another begins anew with it."),
		rpc.New("credentials.revoke", wire.ScopeAdmin, s.setup.revokeCredential).Audited().Fails(wire.NotFound).
			Doc("Takes credentials of a plugin back."),
		rpc.New("models.authSetApiKey", wire.ScopeAdmin, s.setup.setProviderKey).Audited().Fails(wire.ForeignErrors()...).
			Doc("Keeps the key of a provider of models, if it works."),
		rpc.New("models.authLogout", wire.ScopeAdmin, s.setup.logoutProvider).Audited().Fails(wire.NotFound).
			Doc("Takes keys of a provider of models back."),
		rpc.New("credentials.key", wire.ScopeAdmin, s.setup.changeKey).Audited().Doc("Seals all credentials with a new key, and keeps what opens it at another place or at the same."),
		rpc.New("backup.create", wire.ScopeAdmin, s.backup.create).Audited().Fails(wire.Conflict).Doc("Writes all of the gateway's state into a new file on its machine, sealed."),
		rpc.New("encryption.status", wire.ScopeAdmin, s.crypt.status).Doc("Says whether what the gateway keeps is encrypted."),
		rpc.New("encryption.set", wire.ScopeAdmin, s.crypt.set).Audited().Doc("Encrypts all that the gateway keeps, or no longer. It answers when that is done."),
		rpc.New("doctor", wire.ScopeAdmin, s.doctor.examine).Doc("Looks for what is wrong and says what to do. It reads all of the database."),
	}
}
