package kerneltest

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// schema3 has the schemas of protocol 3 as the gateway of clawdbot 2026.1.24-3 has them while it runs: one definition a line.
//
//go:embed testdata/protocol3.schema.json
var schema3 []byte

// bodies3 says which definition of schema3 a result or an event's payload has, and in which field it stands there, as a list.
var bodies3 = map[string]struct{ definition, list string }{
	"connect":                     {definition: "HelloOk"},
	"agent.identity.get":          {definition: "AgentIdentityResult"},
	"agents.list":                 {definition: "AgentsListResult"},
	"channels.status":             {definition: "ChannelsStatusResult"},
	"config.schema":               {definition: "ConfigSchemaResponse"},
	"cron.add":                    {definition: "CronJob"},
	"cron.list":                   {definition: "CronJob", list: "jobs"},
	"cron.runs":                   {definition: "CronRunLogEntry", list: "entries"},
	"cron.update":                 {definition: "CronJob"},
	"exec.approvals.get":          {definition: "ExecApprovalsSnapshot"},
	"exec.approvals.set":          {definition: "ExecApprovalsSnapshot"},
	"logs.tail":                   {definition: "LogsTailResult"},
	"models.list":                 {definition: "ModelsListResult"},
	"wizard.next":                 {definition: "WizardNextResult"},
	"wizard.start":                {definition: "WizardStartResult"},
	"wizard.status":               {definition: "WizardStatusResult"},
	"event agent":                 {definition: "AgentEvent"},
	"event chat":                  {definition: "ChatEvent"},
	"event device.pair.requested": {definition: "DevicePairRequestedEvent"},
	"event device.pair.resolved":  {definition: "DevicePairResolvedEvent"},
	"event node.invoke.request":   {definition: "NodeInvokeRequestEvent"},
	"event presence":              {definition: "PresenceEntry", list: "presence"},
	"event shutdown":              {definition: "ShutdownEvent"},
	"event tick":                  {definition: "TickEvent"},
}

// more3 are the objects to which this gateway adds fields that schema3 does not have, and why. Elements of lists are *.
var more3 = map[string]string{
	"AgentEvent":                "sessionKey, which that gateway sends too and its schema leaves out, and agentId say whose run it is",
	"AgentsListResult/agents/*": "pages of protocol 4, which connect as 3 as well, look for the agent's model",
	"ChatEvent":                 "what both protocols are told: deltaText, agentId, and of an error its kind and detail",
	"ExecApprovalsSnapshot":     "resolvedDefaults says what holds where the file says nothing",
	"ModelsListResult":          "providerOutcomes says why a provider's models are missing",
	"ModelsListResult/models/*": "what a model can do and whether it can be used now, for clients that choose one",
}

// other3 are the values that may be of another kind than schema3 says, and why.
var other3 = map[string]string{
	"ExecApprovalsSnapshot/path": "a gateway that is all in memory has no files",
}

// Protocol3 checks frames against the schemas that protocol 3's own gateway has. It is safe for concurrent use.
type Protocol3 struct {
	compiler *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema // by definition
	used    map[string]bool               // of more3 and other3
}

// NewProtocol3 prepares the check.
func NewProtocol3() (*Protocol3, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema3))
	if err != nil {
		return nil, err
	}
	p := &Protocol3{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, used: map[string]bool{}}
	return p, p.compiler.AddResource("schema:///protocol3", doc)
}

// Received checks a frame of the gateway; method is the one that a response answers.
func (p *Protocol3) Received(frame []byte, method string) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(frame))
	if err != nil {
		return err
	}
	f, ok := v.(map[string]any)
	if !ok {
		return errors.New("the frame is no object")
	}
	name, definition := method, "ResponseFrame"
	if f["type"] == "event" {
		name, definition = fmt.Sprint("event ", f["event"]), "EventFrame"
	}
	body, payload := bodies3[name], f["payload"]
	err = p.check(definition, v)
	switch {
	case body.definition == "" || f["ok"] == false:
	case body.list == "":
		err = errors.Join(err, p.check(body.definition, payload))
	default:
		object, _ := payload.(map[string]any)
		list, ok := object[body.list].([]any)
		if !ok {
			return errors.Join(err, fmt.Errorf("%s has no list %s", name, body.list))
		}
		for _, one := range list {
			err = errors.Join(err, p.check(body.definition, one))
		}
	}
	return err
}

// Unused lists the exceptions that no frame has needed so far.
func (p *Protocol3) Unused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	places := slices.Concat(slices.Collect(maps.Keys(more3)), slices.Collect(maps.Keys(other3)))
	return slices.DeleteFunc(places, func(place string) bool { return p.used[place] })
}

// check validates a value, but for what apart3 excuses.
func (p *Protocol3) check(definition string, v any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.schemas[definition]
	if s == nil {
		var err error
		if s, err = p.compiler.Compile("schema:///protocol3#/definitions/" + definition); err != nil {
			return err
		}
		p.schemas[definition] = s
	}
	err := s.Validate(v)
	if wrong := (*jsonschema.ValidationError)(nil); errors.As(err, &wrong) && p.excused(definition, wrong) {
		return nil
	}
	return err
}

// excused reports whether all that is wrong is in more3 or other3: of several alternatives one will do.
func (p *Protocol3) excused(definition string, e *jsonschema.ValidationError) bool {
	_, either := e.ErrorKind.(*kind.AnyOf)
	_, more := e.ErrorKind.(*kind.AdditionalProperties)
	if either || len(e.Causes) == 0 {
		place, list := definition, other3
		for _, name := range e.InstanceLocation {
			if _, err := strconv.Atoi(name); err == nil {
				name = "*"
			}
			place += "/" + name
		}
		if more {
			list = more3
		}
		if list[place] != "" {
			p.used[place] = true
			return true
		}
	}
	excused := func(cause *jsonschema.ValidationError) bool { return p.excused(definition, cause) }
	if either {
		return slices.ContainsFunc(e.Causes, excused)
	}
	return len(e.Causes) > 0 && !slices.ContainsFunc(e.Causes, func(c *jsonschema.ValidationError) bool { return !excused(c) })
}
