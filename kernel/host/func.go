package host

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Function is an import as the runtime calls it: JSON in, JSON of the result out. An error crosses the
// boundary as data.
type Function = func(ctx context.Context, in []byte) ([]byte, error)

// permission is what a function needs, and whether the plugin has it.
type permission struct {
	plugin  string
	name    string
	granted bool
}

// always is the permission of what every plugin may do.
var always = permission{granted: true}

// receiver is a record of the contract that reads itself from JSON, and appender one that writes itself: the codecs
// are generated, so that a host call uses no reflection.
type receiver[T any] interface {
	*T
	codec.Receiver
	Validate() error
}

type appender[T any] interface {
	*T
	codec.Appender
}

// read decodes a parameter and validates it: what fn gets is within the contract's bounds.
func read[I any, PI receiver[I]](in []byte) (*I, error) {
	arg := new(I)
	if err := wit.Unmarshal(in, PI(arg)); err != nil {
		return nil, err
	}
	return arg, PI(arg).Validate()
}

// Func makes fn an import under a permission. It is decided here, once, and not at each call: a version whose
// permissions change is another version.
func Func[I, O any, PI receiver[I], PO appender[O]](p permission, fn func(context.Context, *I) (*O, error)) Function {
	if !p.granted {
		return refuse(p)
	}
	return func(ctx context.Context, in []byte) ([]byte, error) {
		arg, err := read[I, PI](in)
		if err != nil {
			return nil, err
		}
		out, err := fn(ctx, arg)
		if err != nil {
			return nil, err
		}
		return wit.Marshal(PO(out)), nil
	}
}

// funcWithoutResult is Func for what cannot fail.
func funcWithoutResult[I any, PI receiver[I]](p permission, fn func(context.Context, *I)) Function {
	if !p.granted {
		return refuse(p)
	}
	return func(ctx context.Context, in []byte) ([]byte, error) {
		arg, err := read[I, PI](in)
		if err != nil {
			return nil, err
		}
		fn(ctx, arg)
		return nil, nil
	}
}

// refuse is linked in place of a function whose permission is missing. A module that imports a function which nobody
// links does not load at all, and its plugin could not say why.
func refuse(p permission) Function {
	return func(context.Context, []byte) ([]byte, error) { return nil, forbidden(p.plugin, p.name) }
}

// forbidden says what a plugin lacks, and what its author has to do about it.
func forbidden(plugin, permission string) error {
	return wit.Errorf(wit.CodeForbidden, "plugin %s: permission %s is not granted: add %s to the permissions in plugin.json", plugin, permission, wit.Asking(permission))
}

// Call says which export of a plugin runs, and for whom.
type Call struct {
	Export  string
	Account string
	// Hook is the moment at which a hook is asked.
	Hook wit.HookName
	// At is where a tool is called or a hook is asked, empty elsewhere.
	At wit.HookContext
	// Chain names the plugins that wait for each other, the first one first and this one last.
	Chain []string
	// Progress is who hears how far the call is, nil where there is nothing to hear: only tools have progress.
	Progress *Progress
	// Sockets are those that the call has open; nil where it may have none.
	Sockets *Sockets
}

type callKey struct{}

// WithCall returns a context for one call of an export.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf returns the call that ctx belongs to, the zero Call outside of one.
func CallOf(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}
