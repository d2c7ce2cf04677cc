package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// instance calls the plugin. All calls of one are served by the same instance of the code, unless that ends.
type instance struct {
	t       *tester
	gateway *gateway
	caller  engine.Caller
}

// instance makes one; kept gateways have what the plugin keeps (kv) from call to call.
func (t *tester) instance(kept bool) *instance { return t.instanceAt(newGateway(t, kept)) }

func (t *tester) instanceAt(g *gateway) *instance {
	i := &instance{t: t, gateway: g}
	limits := manifest.Limits(t.manifest)
	spec := engine.Spec{
		Plugin: t.manifest.ID, Instances: wit.InstancesWarm, Config: manifest.Flat(t.samples.config), Functions: i.gateway.functions(), HTTP: i.gateway.http,
		Memory: limits.Memory, Output: wit.LimitAnswer, Deadline: time.Duration(limits.Deadline) * time.Millisecond, Calls: 1,
	}
	if _, member := manifest.Entry(t.manifest); member != "" {
		spec.Plugin = member
	}
	caller, err := t.code.Start(spec)
	if err != nil {
		caller = broken{err}
	}
	i.caller = caller
	return i
}

// broken is a caller of code that cannot be started.
type broken struct{ err error }

func (b broken) Call(context.Context, string, []byte) ([]byte, error) { return nil, b.err }
func (b broken) Trace(context.Context, string, []byte, *engine.Trace) ([]byte, error) {
	return nil, b.err
}
func (b broken) Warm(context.Context) error { return b.err }
func (broken) Stats() engine.Stats          { return engine.Stats{} }
func (broken) Close(context.Context) error  { return nil }

func (i *instance) close() { _ = i.caller.Close(i.t.ctx) }

// renew replaces an instance that has ended: the engine makes those of a plugin that crashes more and more slowly.
func (i *instance) renew() {
	i.close()
	*i = *i.t.instanceAt(i.gateway)
}

// outcome is what came of a call.
type outcome struct {
	export string
	out    []byte
	err    error
	asked  []asked  // what it asked for, in order
	wrong  []string // what it must not have asked for
	took   time.Duration
}

// call calls an export, for as long as the contract or the manifest lets it run.
func (i *instance) call(export string, in []byte, most time.Duration) outcome {
	ctx, cancel := context.WithTimeout(i.t.ctx, most)
	defer cancel()
	out := i.callIn(ctx, export, in)
	least := min(most, time.Duration(manifest.Limits(i.t.manifest).Deadline)*time.Millisecond)
	if out.err != nil && wit.CodeOf(out.err) == wit.CodeTimeout && out.took > least/10*9 { // and does not say so of what it asked for
		i.t.late++
	}
	return out
}

func (i *instance) callIn(ctx context.Context, export string, in []byte) outcome {
	var did engine.Trace
	i.gateway.begin(export)
	began := time.Now()
	out, err := i.caller.Trace(host.WithCall(ctx, host.Call{Export: export}), export, slices.Clone(in), &did)
	took := time.Since(began)
	peak := &i.t.report.Peak
	peak.Took, peak.Fuel, peak.Memory = max(peak.Took, did.Guest.Microseconds()), max(peak.Fuel, did.Ticks), max(peak.Memory, did.Memory)
	i.t.report.Calls++
	asked, wrong := i.gateway.end()
	return outcome{export, out, err, asked, wrong, took}
}

// ended says that the call ended its instance, or that the plugin calls the failure its own fault.
func (o outcome) ended() bool {
	return errors.As(o.err, new(*engine.Crash)) || wit.CodeOf(o.err) == wit.CodeInternal || wit.CodeOf(o.err) == wit.CodeTimeout
}

// problem says what is wrong with an outcome, "" where nothing is. An error with a code is an answer like others.
func (t *tester) problem(f *contract.Function, o outcome) string {
	crash := (*engine.Crash)(nil)
	switch {
	case t.ctx.Err() != nil:
		return ""
	case len(o.wrong) > 0:
		return o.wrong[0]
	case errors.Is(o.err, context.DeadlineExceeded):
		return fmt.Sprintf("it does not end in time: it was given up after %s", o.took.Round(100*time.Millisecond))
	case wit.CodeOf(o.err) == wit.CodeTimeout && o.err != nil:
		return "it does not end in time: " + o.err.Error() + whereLate(o.err)
	case errors.As(o.err, &crash):
		return "it crashes: " + crash.Error() + at(crash)
	case o.err != nil && wit.CodeOf(o.err) == wit.CodeInternal:
		return "it fails by its own fault: " + o.err.Error()
	case o.err != nil && strings.TrimSpace(wit.AsError(o.err).Message) == "":
		return "its error has no message"
	case o.err != nil:
		return ""
	}
	return t.wrongAnswer(f, o.out)
}

// whereLate is where a call was that did not end, where that is known.
func whereLate(err error) string {
	if crash := (*engine.Crash)(nil); errors.As(err, &crash) {
		return at(crash)
	}
	return ""
}

// at is the line of a crash that says most: the first one with a place in the plugin's own sources, or any.
func at(c *engine.Crash) string {
	if sources.MatchString(c.Error()) {
		return ""
	}
	said := ""
	for line := range strings.Lines(c.Output) {
		line = strings.TrimSpace(line)
		if sources.MatchString(line) && !ours.MatchString(line) {
			said = line
			break
		}
		if said == "" && !strings.Contains(c.Error(), line) {
			said = line
		}
	}
	if said == "" {
		return ""
	}
	return " (" + clip(plain.Line(said), 120) + ")"
}

// Places in sources, as the languages' traces have them, and such as are not the plugin's.
var (
	sources = regexp.MustCompile(`\.(?:ts|js|go|rs|zig|c):\d+|\.py", line \d+`)
	ours    = regexp.MustCompile(`^(?:runtime|internal|github\.com/carapace-gateway)/|vendor/|carapace\.js|assembly/(?:abi|json|contract)\.ts|~lib/`)
)

// wrongAnswer reads an answer as the gateway does.
func (t *tester) wrongAnswer(f *contract.Function, out []byte) string {
	if len(out) > wit.LimitAnswer {
		return fmt.Sprintf("its answer has %d bytes, at most %d are taken", len(out), wit.LimitAnswer)
	}
	if len(out) == 0 || f.Result == "" {
		return ""
	}
	into := contract.New(f.Result)
	unknown, err := codec.UnmarshalReport(out, into)
	switch {
	case err != nil:
		return "its answer cannot be read: " + err.Error() + ": " + clip(string(out), 120)
	case len(unknown) > 0:
		return "its answer has fields that the contract does not know: " + strings.Join(unknown, ", ")
	}
	if err := into.Validate(); err != nil {
		return "its answer breaks the contract: " + err.Error()
	}
	return ""
}

// deadline is how long a call of an export may take.
func (t *tester) deadline(f *contract.Function) time.Duration {
	if f.Deadline > 0 {
		return time.Duration(f.Deadline) * time.Millisecond
	}
	return time.Duration(manifest.Limits(t.manifest).Deadline) * time.Millisecond
}

// clip is the beginning of a text for people.
func clip(text string, most int) string {
	text = plain.Line(text)
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
