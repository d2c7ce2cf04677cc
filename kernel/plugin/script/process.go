package script

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/kernel/child"
	"github.com/carapace-gateway/carapace/wit"
)

// Bundler bundles scripts. It is safe for concurrent use.
type Bundler struct {
	// Command starts this program as a process that calls Serve; empty bundles in this process.
	Command []string
	// Module is the name by which plugins import the SDK, and SDK is its source.
	Module, SDK string
}

// Bounds of a process that bundles.
const (
	processor = 10 * time.Second
	memory    = 1 << 30
	longest   = time.Minute // by the clock
	maxOut    = 64 << 20
)

// request is what the process is given, and reply what it answers.
type request struct {
	Source Source `json:"source"`
	Module string `json:"module"`
	SDK    string `json:"sdk"`
}

type reply struct {
	Bundle  *Bundle `json:"bundle"`
	Invalid string  `json:"invalid"`
}

// Bundle bundles a script. CodeInvalid with the position of what is wrong, CodeUnavailable when there is no process.
func (b *Bundler) Bundle(ctx context.Context, s Source) (*Bundle, error) {
	if len(b.Command) == 0 {
		return Build(s, b.Module, b.SDK)
	}
	work, err := json.Marshal(request{s, b.Module, b.SDK})
	if err != nil {
		return nil, err
	}
	out, said := child.NewHead(maxOut), child.NewHead(1<<10)
	if _, err := child.Run(ctx, b.Command, work, longest, out, said); wit.CodeOf(err) == wit.CodeUnavailable {
		return nil, wit.Errorf(wit.CodeUnavailable, "bundling %s %w", s.Entry, err)
	} else if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "bundling %s takes more than %s of processor time or %d MB of memory: make it smaller (%v)", s.Entry, processor, memory>>20, err)
	}
	var r reply
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "bundling %s: what comes out is larger than %d MB, or broken: %w", s.Entry, maxOut>>20, err)
	}
	if r.Bundle == nil {
		return nil, wit.NewError(wit.CodeInvalid, r.Invalid)
	}
	return r.Bundle, nil
}

// Serve is what the process of a Bundler does: it bundles what comes by in, and answers to out.
func Serve(in io.Reader, out io.Writer) error {
	work, err := child.Receive(in, 4*(MaxBytes+MaxPackageBytes)+(16<<20), func(int) child.Limits { return child.Limits{Processor: processor, Memory: memory} })
	if err != nil {
		return err
	}
	var q request
	if err := json.Unmarshal(work, &q); err != nil {
		return fmt.Errorf("the script: %w", err)
	}
	var r reply
	if r.Bundle, err = Build(q.Source, q.Module, q.SDK); err != nil {
		r.Invalid = err.Error()
	}
	return json.NewEncoder(out).Encode(r)
}
