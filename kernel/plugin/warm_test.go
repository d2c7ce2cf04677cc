package plugin_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnUpgradeIsWarm: the code that takes another's place has an instance for the calls that that one got, before it does,
// where instances are kept.
func TestAnUpgradeIsWarm(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, store.OpenMemory(), source.Folder(dir))
	kept := func(kind wit.Instances) func(*wit.Manifest) {
		return func(m *wit.Manifest) { m.Limits = &wit.Limits{Instances: &kind} }
	}
	put := func(version string) {
		for id, kind := range map[string]wit.Instances{"warm": wit.InstancesWarm, "fresh": wit.InstancesFresh, "single": wit.InstancesSingle} {
			drop(t, dir, manifest(id, version, kept(kind)), alone(id+" "+version))
		}
		drop(t, dir, manifest("unused", version, kept(wit.InstancesWarm)), alone("unused "+version))
	}
	put("1.0.0")
	r.start()
	for _, id := range []string{"warm", "fresh", "single"} {
		r.says(id+"_tool", id+" 1.0.0 as "+id)
	}
	put("2.0.0")
	r.wait("warm 2.0.0 ready")
	r.says("warm_tool", "warm 2.0.0 as warm")
	for _, id := range []string{"fresh", "single"} {
		for got := ""; got != id+" 2.0.0 as "+id; {
			got, _ = r.invoke(id + "_tool")
		}
	}
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	if want := []string{"warm 2.0.0"}; !slices.Equal(r.engine.warmed, want) {
		t.Errorf("warmed %q, want %q", r.engine.warmed, want)
	}
}
