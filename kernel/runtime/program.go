package runtime

import (
	"errors"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/frame"
	"github.com/carapace-gateway/carapace/wit"
)

// Program is what an instance runs of a module that is a command: one that has nothing but a beginning, as interpreters
// have that were built to be started by a shell. It stays in its beginning and asks for one call after the other, by
// frames that it writes to stdout and whose answers it reads from stdin; package frame says how those look.
//
// What it may ask for:
//
//	start                  Input
//	next    an answer      waits for the next call: its export and input. The answer is that of the one before: "+" and its
//	                       output as JSON, or "-" and its error as JSON; after the start it is "", or "-" and why there is none
//	call    a host function's name and its parameter as JSON → {"ok":…} or {"error":…}
//	log     debug, info, warn or error, and a line → ""
type Program struct {
	Args  []string // as the command's arguments, the first of which is its name
	Input string
}

// startCommand is the export of a command that runs it.
const startCommand = "_start"

// program is one that runs, in a goroutine of its own. It and the goroutine that has the instance take turns: resume and
// pause hand over, and nobody touches the instance but whose turn it is.
type program struct {
	calls  stack
	work   chan struct{} // the guest's turn; closed when there is none any more
	rest   chan struct{} // the other's turn
	ended  bool
	err    error // the engine's, once ended
	out    frame.Reader
	in     []byte // what the guest has to read
	answer string // of its last call
}

// startProgram runs the guest up to where it waits for its first call.
func (l *linker) startProgram(i *instance) error {
	if err := i.initialize(); err != nil {
		return err
	}
	fn := i.guest.ExportedFunction(startCommand)
	if fn == nil {
		return wit.Errorf(wit.CodeInvalid, "plugin %s: the interpreter has no export %s", i.plugin.spec.Plugin, startCommand)
	}
	p := &program{calls: stackOf(fn), work: make(chan struct{}), rest: make(chan struct{}, 1)}
	p.out.Most = int(i.plugin.limits.OutputBytes) + frameHead
	i.program = p
	i.call.running = &p.calls
	go p.run(i, fn)
	if err := p.resume(i); err != nil {
		return err
	}
	if text, failed := strings.CutPrefix(p.answer, "-"); failed {
		return i.unstarted(text)
	}
	return nil
}

// unstarted is why there is no program to call: like a trap, and unlike an export's error, it is no answer.
func (i *instance) unstarted(text string) error {
	err := i.thrown(text)
	e := wit.Errorf(wit.CodeUnavailable, "plugin %s: %s", i.plugin.spec.Plugin, clip(wit.AsError(err).Message, maxLogLine))
	if crash := (*Crash)(nil); errors.As(err, &crash) {
		return &Crash{Export: crash.Export, Output: crash.Output, Unlogged: crash.Unlogged, err: e}
	}
	return e
}

// frameHead is room for a frame's words besides the one that is long.
const frameHead = 1 << 10

// run is the guest's goroutine.
func (p *program) run(i *instance, fn api.Function) {
	defer func() { p.rest <- struct{}{} }()
	defer func() { p.ended = true }()
	if _, ok := <-p.work; ok {
		p.err = fn.CallWithStack(i, []uint64{0})
	}
}

// resume gives the guest its turn, and returns when it wants a call, or has ended, which is an error.
func (p *program) resume(i *instance) error {
	i.call.processor.pause() // which is of this thread
	p.work <- struct{}{}
	<-p.rest
	switch {
	case !p.ended:
		return nil
	case p.err != nil:
		return i.failure(p.err)
	}
	i.call.flush()
	return wit.Errorf(wit.CodeUnavailable, "plugin %s: the program ended by itself%s", i.plugin.spec.Plugin, i.call.reason())
}

// pause is called in the guest's turn and ends it. It returns with the next one, and not at all when there is none.
func (p *program) pause() {
	p.rest <- struct{}{}
	if _, ok := <-p.work; !ok {
		panic(errHalted)
	}
}

// stop ends the guest, unless it has ended.
func (p *program) stop() {
	if !p.ended {
		close(p.work)
		<-p.rest
	}
}

// perform calls an export of a program. One that the engine had to stop, or that ended, is broken.
func (i *instance) perform(export string, in []byte) (out []byte, broken bool, err error) {
	p := i.program
	if p.ended {
		return nil, true, wit.Errorf(wit.CodeUnavailable, "plugin %s: its program has ended", i.plugin.spec.Plugin)
	}
	i.call.running = &p.calls
	p.in = frame.Append(nil, export+"\x00"+string(in))
	if err := p.resume(i); err != nil {
		return nil, true, err
	}
	i.call.flush()
	answer := p.answer
	p.answer = ""
	switch most := i.plugin.limits.OutputBytes; {
	case int64(len(answer)) > most+1:
		return nil, false, wit.Errorf(wit.CodeTooLarge, "plugin %s: answer of %d bytes is over the limit of %d", i.plugin.spec.Plugin, len(answer)-1, most)
	case strings.HasPrefix(answer, "+"):
		return []byte(answer[1:]), false, nil
	}
	return nil, false, i.thrown(strings.TrimPrefix(answer, "-"))
}

// programWrite takes what a program writes to stdout.
func (i *instance) programWrite(b []byte) {
	p := i.program
	for len(b) > 0 {
		text, rest, done, err := p.out.Add(b)
		if err != nil {
			i.call.stop(wit.Errorf(wit.CodeTooLarge, "plugin %s: %s: %w", i.plugin.spec.Plugin, i.call.export, err))
		}
		if b = rest; done {
			i.programAsks(text)
		}
	}
}

// programAsks answers a frame.
func (i *instance) programAsks(text string) {
	p := i.program
	op, args, _ := strings.Cut(text, "\x00")
	first, second, _ := strings.Cut(args, "\x00")
	switch op {
	case "start":
		p.in = frame.Append(p.in, i.plugin.spec.Program.Input)
	case "next":
		p.in, p.answer = nil, args
		i.call.turn.giveUp()
		p.pause()
	case "call":
		answer, err := i.askCall(first, second)
		p.in = frame.Append(p.in, must(&i.call, answer, err))
	case "log":
		i.call.log(hclog.LevelFromString(first), []byte(second))
		p.in = frame.Append(p.in, "")
	default:
		i.call.stop(wit.Errorf(wit.CodeInvalid, "plugin %s: its program asks for %.40q, which there is not", i.plugin.spec.Plugin, op))
	}
	if int64(len(p.in)) > int64(len(i.plugin.spec.Program.Input))+2*i.plugin.limits.OutputBytes+frameHead {
		i.call.stop(wit.Errorf(wit.CodeInvalid, "plugin %s: its program asks and does not read", i.plugin.spec.Plugin))
	}
}

// fdRead gives a program what it has to read. Any other guest's stdin is at its end.
func fdRead(i *instance, m api.Memory, s []uint64) uint64 {
	fd, vectors, count, result := uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(s[3])
	if fd != 0 {
		return errnoBadf
	}
	return eachVector(m, vectors, count, result, func(b []byte) (int, bool) {
		if i.program == nil {
			return 0, false
		}
		n := copy(b, i.program.in)
		i.program.in = i.program.in[n:]
		return n, len(i.program.in) > 0
	})
}
