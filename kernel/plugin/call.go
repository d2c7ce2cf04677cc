package plugin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// request says what is called, and for whom.
type request struct {
	export  string
	account string
	// deadline of this call where the contract gives the export none; 0 leaves it to the plugin's limits.
	deadline time.Duration
	// progress hears how far a tool is.
	progress *host.Progress
	// at is where a tool is called, or hook is asked.
	at   wit.HookContext
	hook wit.HookName
	// fits, unless it is nil, says why the version that the call goes to must not have it.
	fits func(*wit.Manifest) error
}

// record is one of the contract that can be read and checked.
type record interface {
	codec.Receiver
	Validate() error
}

// receiver is a pointer to a record.
type receiver[T any] interface {
	*T
	record
}

// call is the way from the kernel into a plugin: in goes to the current version's export, what
// comes back is decoded and validated.
// Errors are the plugin's own, with their codes, and those that Channel names. A call that was let in stays with the
// version that it entered when another one becomes current, and may go on for as long as that one drains.
func call[O any, PO receiver[O]](ctx context.Context, f *finder, id string, req request, in codec.Appender) (*O, error) {
	v, err := f.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	defer v.calls.leave()
	if req.fits != nil {
		if err := req.fits(v.manifest); err != nil {
			return nil, err
		}
	}
	return callVersion[O, PO](ctx, f, v, req, in)
}

// callVersion is call for a version that the caller has entered. Class and deadline are the contract's.
func callVersion[O any, PO receiver[O]](ctx context.Context, f *finder, v *version, req request, in codec.Appender) (*O, error) {
	id, facts := v.manifest.ID, wit.Export(req.export)
	if facts == nil {
		return nil, wit.Errorf(wit.CodeInternal, "the contract has no export %s", req.export)
	}
	if facts.Deadline > 0 {
		req.deadline = time.Duration(facts.Deadline) * time.Millisecond
	}
	caller, err := v.caller(facts.Class, req.account)
	if err != nil {
		return nil, err
	}
	if req.deadline > 0 {
		// The deadline is for the plugin's work, not for the compiler's.
		if err := v.code.Compile(ctx); err != nil {
			return nil, wit.Errorf(wit.CodeOf(err), "plugin %s: %w", id, err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, req.deadline,
			wit.NewError(wit.CodeTimeout, "plugin "+id+": "+req.export+" took longer than "+req.deadline.String()))
		defer cancel()
	}
	sockets := new(host.Sockets)
	defer sockets.Close()
	ctx = host.WithCall(ctx, host.Call{
		Export: req.export, Account: req.account, Progress: req.progress, Sockets: sockets, Hook: req.hook, At: req.at,
		Chain: append(slices.Clone(host.CallOf(ctx).Chain), id),
	})
	room := f.rooms.take()
	defer f.rooms.give(room)
	*room = in.AppendJSON(*room)
	traced := f.traces.begin(v.manifest, req.export, *room)
	out, err := caller.Trace(ctx, req.export, *room, traced.engine())
	answer, err := readAnswer[O, PO](f, v, req.export, out, err)
	traced.end(out, err)
	return answer, err
}

// readAnswer makes what a version of a plugin has answered, or failed with, the answer of its call.
func readAnswer[O any, PO receiver[O]](f *finder, v *version, export string, out []byte, err error) (*O, error) {
	if err != nil {
		return nil, f.table.failed(v, export, err)
	}
	v.worked()
	answer := new(O)
	unknown, err := decode(out, PO(answer))
	if err != nil {
		err = wit.Errorf(wit.CodeOf(err), "plugin %s: the answer of %s: %w", v.manifest.ID, export, err)
		v.guest.Log.Fault(hclog.Error, err.Error())
		return nil, rpc.Logged(err)
	}
	if len(unknown) > 0 {
		v.log.Debug("an answer has fields that the contract does not know; they are ignored", "plugin", v.manifest.ID, "export", export, "fields", unknown)
	}
	return answer, nil
}

// blame makes what is wrong with an answer unavailable: the fault is the plugin's, not the caller's.
// CodeInvalid would tell the caller that its parameters were wrong. CodeTooLarge stays: what to do about it is the
// same.
func blame(err error) error {
	if wit.CodeOf(err) != wit.CodeInvalid {
		return err
	}
	return wit.NewError(wit.CodeUnavailable, err.Error())
}

// decode reads a plugin's answer and checks it. Errors: CodeTooLarge, and CodeUnavailable for all else, see blame.
func decode(out []byte, into record) (unknown []string, err error) {
	if len(out) > wit.LimitAnswer {
		return nil, wit.Errorf(wit.CodeTooLarge, "has %d bytes, at most %d", len(out), wit.LimitAnswer)
	}
	// An export that has nothing to say may say nothing.
	if len(out) == 0 {
		out = []byte("null")
	}
	unknown, err = codec.UnmarshalReport(out, into)
	if bad := (*codec.Error)(nil); errors.As(err, &bad) {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Message: bad.Error()}
	}
	if err == nil {
		err = blame(into.Validate())
	}
	return unknown, err
}
