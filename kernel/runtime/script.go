package runtime

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/quickjs"
	"github.com/carapace-gateway/carapace/wit"
)

// Script is JavaScript that an instance of the interpreter runs when it starts.
type Script struct {
	File string // as stacks name it
	Code string
	// Position says where a line and column of Code, counted from 1, come from, as stacks are to name them; nil leaves
	// them as they are.
	Position func(line, column int) (string, bool)
}

// Names of the interpreter's global object: what the host gives scripts, and what the first of them gives the host.
//
//	__host(op, …texts) → text        what a script may ask for, see ask
//	__begin(export, input) → text    calls an export: "+" and its output as JSON, or "-" and its error as JSON, or null
//	__step() → text                  the same, of the call that is waiting for a promise, after the interpreter's jobs
const (
	scriptHost  = "__host"
	scriptBegin = "__begin"
	scriptStep  = "__step"
)

// interpreterModule is the module whose functions the interpreter imports.
const interpreterModule = "env"

// interpreterFunc is one of those functions.
type interpreterFunc struct {
	name    string
	params  int
	results int
	call    func(i *instance, s []uint64)
}

// interpreterFuncs are what the interpreter asks of its host. It is given no modules to load, and its time is UTC.
func interpreterFuncs() []interpreterFunc {
	nothing := func(_ *instance, s []uint64) { s[0] = 0 }
	return []interpreterFunc{
		{"host_call", 5, 1, hostCall},
		{"host_interrupt", 0, 1, hostInterrupt},
		{"host_promise_rejection", 3, 0, promiseRejection},
		{"host_module_normalize", 2, 1, nothing},
		{"host_module_load", 2, 1, nothing},
		{"host_get_timezone_offset", 2, 1, nothing},
	}
}

func addInterpreter(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(interpreterModule)
	for _, f := range interpreterFuncs() {
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, s []uint64) {
			i := instanceOf(ctx)
			i.call.asked = true
			f.call(i, s)
		}), i32s(f.params), i32s(f.results)).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// hostCall answers __host. A guest that is no interpreter of scripts has nobody to call it for.
func hostCall(i *instance, s []uint64) {
	if i.script == nil {
		i.call.stop(wit.Errorf(wit.CodeInvalid, "plugin %s calls %s.host_call and runs no script", i.plugin.spec.Plugin, interpreterModule))
	}
	defer i.haltTrapped()
	s[0] = i.script.HostCall(uint32(s[3]), uint32(s[4]), i.askInTime)
}

// promiseRejection takes note of a promise that was rejected while nobody handles it, or that somebody does now.
func promiseRejection(i *instance, s []uint64) {
	if i.script == nil {
		return
	}
	defer i.haltTrapped()
	i.script.Rejected(uint32(s[0]), uint32(s[1]), s[2] != 0)
}

// haltTrapped, deferred, stops a guest that a call of the host's into it has trapped, with the reason.
func (i *instance) haltTrapped() {
	r := recover()
	if r == nil {
		return
	}
	if err, ok := quickjs.Trapped(r); ok && i.call.halt == nil {
		i.call.halt = wit.Errorf(wit.CodeUnavailable, "plugin %s: %w", i.plugin.spec.Plugin, err)
		r = errHalted
	}
	panic(r)
}

// errAsk is what a script gets that asks for what is not there.
var errAsk = errors.New("the host cannot do that")

// maxRandom is how many random bytes a script gets at once.
const maxRandom = 64 << 10

// ask answers a script. What it may ask for:
//
//	call    a host function's name and its parameter as JSON → {"ok":…} or {"error":…}
//	log     debug, info, warn or error, and a line
//	sleep   milliseconds
//	random  a number → as many bytes, in hex
//	digest  SHA-1, SHA-256, SHA-384 or SHA-512, and bytes in hex → in hex
//	hmac    the same, with a key in hex before the bytes
func (i *instance) ask(args []string) (string, error) {
	var op string
	if len(args) > 0 {
		op, args = args[0], args[1:]
	}
	switch {
	case op == "call" && len(args) == 2:
		return i.askCall(args[0], args[1])
	case op == "log" && len(args) == 2:
		i.call.log(hclog.LevelFromString(args[0]), []byte(args[1]))
		return "", nil
	case op == "sleep" && len(args) == 1:
		ms, err := strconv.ParseFloat(args[0], 64)
		i.call.sleep(int64(min(ms, 1e9) * 1e6))
		return "", err
	case op == "random" && len(args) == 1:
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 0 || n > maxRandom {
			return "", errAsk
		}
		b := make([]byte, n)
		_, _ = rand.Read(b)
		return hex.EncodeToString(b), nil
	case op == "digest" && len(args) == 2:
		return digest(args[0], args[1], func(h func() hash.Hash) hash.Hash { return h() })
	case op == "hmac" && len(args) == 3:
		key, err := hex.DecodeString(args[1])
		if err != nil {
			return "", err
		}
		return digest(args[0], args[2], func(h func() hash.Hash) hash.Hash { return hmac.New(h, key) })
	}
	return "", errAsk
}

// askCall calls a host function for a script.
func (i *instance) askCall(name, in string) (string, error) {
	p := i.plugin
	fn := p.spec.Functions[name]
	if fn == nil {
		return string(refusal(name)), nil
	}
	if int64(len(in)) > p.limits.OutputBytes {
		i.call.stop(wit.Errorf(wit.CodeTooLarge, "plugin %s: argument of %s is %d bytes, over the limit of %d", p.spec.Plugin, name, len(in), p.limits.OutputBytes))
	}
	out, refused := i.callHost(name, fn, []byte(in))
	if refused != nil {
		return string(refused), nil
	}
	if len(out) == 0 {
		return `{"ok":null}`, nil
	}
	return `{"ok":` + string(out) + `}`, nil
}

func digest(algorithm, data string, make func(func() hash.Hash) hash.Hash) (string, error) {
	of := map[string]func() hash.Hash{"SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-384": sha512.New384, "SHA-512": sha512.New}[algorithm]
	b, err := hex.DecodeString(data)
	if of == nil || err != nil {
		return "", errAsk
	}
	h := make(of)
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// startScripts makes the guest an interpreter that has run the plugin's scripts. What is left of the first one, which
// plugins have in common, is kept for the next instance.
func (l *linker) startScripts(i *instance, m *compiled) (err error) {
	scripts := i.plugin.spec.Scripts
	i.call.interrupt.can = true
	common := preludeKey{m, scripts[0].Code}
	snapshot := l.preludes.get(common)
	if snapshot == nil {
		if err := i.initialize(); err != nil {
			return err
		}
	}
	defer func() { err = i.startError(err) }()
	if snapshot != nil {
		i.script, err = quickjs.Restore(i, i.guest, snapshot)
	} else {
		err = l.startPrelude(i, common, scripts[0])
	}
	for _, s := range scripts[1:] {
		if err == nil {
			err = i.script.Run(s.File, s.Code)
		}
	}
	if err == nil {
		err = i.script.Jobs()
	}
	if err == nil {
		_, err = i.unhandled() // nobody's call has failed by it
	}
	return err
}

// startError is the error of scripts that were not run to their end.
func (i *instance) startError(err error) error {
	if i.call.interrupt.err != nil {
		return i.interrupted(err, "")
	}
	return i.scriptError(err)
}

// startPrelude runs the first script, and keeps what is left of it.
func (l *linker) startPrelude(i *instance, key preludeKey, s Script) (err error) {
	if i.script, err = quickjs.New(i, i.guest); err != nil {
		return err
	}
	if err = i.script.Define(scriptHost); err != nil {
		return err
	}
	if err = i.script.Run(s.File, s.Code); err != nil {
		return err
	}
	snapshot, err := i.script.Snapshot()
	if err == nil {
		l.preludes.put(key, snapshot)
	}
	return err
}

// preludes are interpreters that have run a plugin's first script, which costs ten times as much as to copy one. It is safe
// for concurrent use, and the zero value is ready.
type preludes struct {
	mu   sync.Mutex
	kept map[preludeKey]*quickjs.Snapshot
}

type preludeKey struct {
	module *compiled
	code   string
}

// maxPreludes is how many are kept. There is one where all plugins come from one gateway, and its interpreter is not
// given back and loaded again.
const maxPreludes = 2

func (p *preludes) get(key preludeKey) *quickjs.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept[key]
}

func (p *preludes) put(key preludeKey, s *quickjs.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= maxPreludes {
		p.kept = map[preludeKey]*quickjs.Snapshot{}
	}
	p.kept[key] = s
}

// interpret calls an export of a script. A script that the engine had to stop is broken.
func (i *instance) interpret(export string, in []byte) (out []byte, broken bool, err error) {
	i.call.interrupt.can = true
	text, ok, err := i.script.Call(scriptBegin, export, string(in))
	for err == nil {
		// Jobs that are left with an answer are this call's too.
		if err = i.script.Jobs(); ok || err != nil {
			break
		}
		text, ok, err = i.script.Call(scriptStep)
	}
	i.call.flush()
	rejected := error(nil)
	if err == nil {
		rejected, err = i.unhandled()
	}
	if i.call.interrupt.err != nil {
		return nil, true, i.interrupted(err, text)
	}
	if err != nil {
		return nil, true, i.scriptError(err)
	}
	switch most := i.plugin.limits.OutputBytes; {
	case int64(len(text)) > most+1:
		return nil, false, wit.Errorf(wit.CodeTooLarge, "plugin %s: answer of %d bytes is over the limit of %d", i.plugin.spec.Plugin, len(text)-1, most)
	case strings.HasPrefix(text, "+"):
		if rejected != nil {
			return nil, false, rejected
		}
		return []byte(text[1:]), false, nil
	}
	return nil, false, i.thrown(strings.TrimPrefix(text, "-"))
}

// unhandled logs what promises were rejected with that nobody handles, each with where it was thrown, and makes the first
// one the error of a call. err is the interpreter's own.
func (i *instance) unhandled() (rejected, err error) {
	list, err := i.script.Unhandled()
	for _, e := range list {
		trace := clip(i.trace(e.Message, e.Stack), maxTail)
		i.call.log(hclog.Error, []byte("a promise was rejected, and nobody handles that: "+trace))
		if rejected == nil {
			rejected = &Crash{Export: i.call.export, Output: trace, err: wit.NewError(wit.CodeInternal, "a promise was rejected, and nobody handles that: "+clip(e.Message, maxLogLine))}
		}
	}
	return rejected, err
}

// thrown is the error that a script's export threw.
func (i *instance) thrown(text string) error {
	e := parseError([]byte(text))
	if e == nil {
		return &Uncoded{wit.Errorf(wit.CodeUnavailable, "plugin %s: %s failed: %s", i.plugin.spec.Plugin, i.call.export, clip(text, maxLogLine))}
	}
	var from struct {
		Stack string `json:"stack"`
	}
	if json.Unmarshal([]byte(text), &from) != nil || e.Code != wit.CodeInternal || from.Stack == "" {
		return e
	}
	return &Crash{Export: i.call.export, Output: clip(i.trace(e.Message, from.Stack), maxTail), Unlogged: true, err: e}
}

// outOfMemory is what the interpreter throws, past everything that a script could do about it, where the limit of memory is reached.
const outOfMemory = "InternalError: out of memory"

// scriptError is an error of the interpreter as one of the plugin: what a script threw where nobody caught it, or a trap.
func (i *instance) scriptError(err error) error {
	if err == nil {
		return nil
	}
	thrown := (*quickjs.Exception)(nil)
	if !errors.As(err, &thrown) {
		return i.failure(err)
	}
	i.call.flush()
	message := clip(thrown.Message, maxLogLine)
	if message == outOfMemory {
		message += ": raise limits.memory in plugin.json, or keep less"
	}
	e := wit.Errorf(wit.CodeUnavailable, "plugin %s: %s", i.plugin.spec.Plugin, message)
	return &Crash{Export: i.call.export, Output: clip(i.trace(thrown.Message, thrown.Stack), maxTail), Unlogged: true, err: e}
}

// trace is what was thrown with its stack, where some begin with it.
func (i *instance) trace(message, stack string) string {
	if stack = i.positions(stack); strings.Contains(stack, message) {
		return stack
	}
	return message + "\n" + stack
}

// positions is a stack with the positions that scripts come from.
func (i *instance) positions(stack string) string {
	for _, s := range i.plugin.spec.Scripts {
		if s.Position != nil {
			stack = positioned(stack, s)
		}
	}
	return strings.TrimRight(stack, "\n")
}

// positioned replaces "FILE:LINE:COLUMN" in a stack.
func positioned(stack string, s Script) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(stack, s.File+":")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		line, rest := number32(after)
		column, end := 0, rest
		if strings.HasPrefix(rest, ":") {
			column, end = number32(rest[1:])
		}
		if at, ok := s.Position(line, column); ok {
			b.WriteString(at)
			stack = end
		} else {
			b.WriteString(s.File + ":")
			stack = after
		}
	}
}

// number32 reads the digits that s begins with.
func number32(s string) (n int, rest string) {
	at := 0
	for at < len(s) && at < 9 && '0' <= s[at] && s[at] <= '9' {
		n = n*10 + int(s[at]-'0')
		at++
	}
	return n, s[at:]
}
