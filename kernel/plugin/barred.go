package plugin

import (
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// barrier says why content must not run. See Deps.Barred.
type barrier func(id, digest string) string

// why says why content must not run, "" where it may: all may that was not installed.
func (b barrier) why(id, digest string) string {
	if b == nil || digest == "" {
		return ""
	}
	return b(id, digest)
}

// check refuses what is installed and must not run: CodeForbidden.
func (b barrier) check(pkg *source.Package, m *wit.Manifest) error {
	if why := b.why(m.ID, pkg.Digest); why != "" {
		return wit.NewError(wit.CodeForbidden, why)
	}
	return nil
}

func barredHint(id string) string {
	return "`carapace plugins update " + id + "` looks for a version that may run, and `carapace plugins insist " + id + "` lets this one run all the same"
}

func (v *version) barred(why error) *life.Update {
	u := v.refusal(why)
	u.Hint = barredHint(v.manifest.ID)
	return &u
}

// BarredChanged says that Deps.Barred answers otherwise for these plugins now. It returns when what must not run does not run
// any more, and what may is looked at. A subscriber of plugins.changed must not call it.
func (r *Registry) BarredChanged(ids []string) {
	r.mailbox.do(func() {
		for _, id := range ids {
			r.keeper.bar(id)
		}
	})
	r.watch.lookAgain() // what looked unfinished is tried once more
}

// bar stops a plugin whose version must not run.
func (k *keeper) bar(id string) {
	if e := k.entries[id]; e != nil && e.serving != nil {
		v := e.serving
		if why := k.scout.barred.check(&v.pkg, v.manifest); why != nil {
			k.tell(v, life.Refused{Ref: v.ref, Why: *v.barred(why)})
		}
	}
	k.lookAt(id, true)
}
