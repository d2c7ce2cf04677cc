package kernel_test

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// costly is a provider each of whose answers reads a million tokens and writes half a million.
func costly(id string, asked *atomic.Int64) plugintest.Fake {
	return kerneltest.Provider(id, func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) {
		asked.Add(1)
		a := kerneltest.Says("yes")
		a.Usage = &wit.Usage{Input: 1e6, Output: 5e5, CacheRead: 1000}
		return a, nil
	})
}

func dollars(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s cost $%f, want $%f", what, got, want)
	}
}

// TestUsageIsCounted by day, session, provider and model, with what has no price marked, and is there after a restart.
func TestUsageIsCounted(t *testing.T) { synctest.Test(t, usageIsCounted) }

func usageIsCounted(t *testing.T) {
	var asked atomic.Int64
	disk, keys := storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{}
	start := func() *kerneltest.Kernel {
		return kerneltest.Start(t, kerneltest.Plugin(costly("brain", &asked), costly("other", &asked)), kerneltest.Store(disk, keys),
			kerneltest.Config(t, `{"timeZone":"UTC","agent":{"model":"brain/m"},"usage":{"prices":{"brain/*":{"input":2,"output":8,"cacheRead":1}}}}`))
	}
	k := start()
	l := k.Listen()
	l.Ask("1", "one")
	l.Ask("2", "two")
	time.Sleep(24 * time.Hour)
	l = k.Listen()
	l.MustCall("chat.send", map[string]any{"sessionKey": "second", "message": "three", "idempotencyKey": "3"}, nil)
	l.End("3")
	l.MustCall("sessions.patch", map[string]any{"key": "second", "model": "other/x"}, nil)
	l.MustCall("chat.send", map[string]any{"sessionKey": "second", "message": "four", "idempotencyKey": "4"}, nil)
	l.End("4")
	k.Stop()
	l = start().Listen()

	var cost usage.CostResult
	l.MustCall("usage.cost", map[string]any{"days": 7}, &cost)
	if cost.Days != 7 || len(cost.Daily) != 2 || cost.Daily[0].Date >= cost.Daily[1].Date || cost.Totals.TotalTokens != 4*1501000 || cost.Totals.MissingCostEntries != 1 {
		t.Errorf("%+v", cost)
	}
	dollars(t, "the first day", cost.Daily[0].TotalCost, 2*(2+4+0.001))
	dollars(t, "all", cost.Totals.TotalCost, 3*(2+4+0.001))

	var all usage.SessionsResult
	l.MustCall("sessions.usage", map[string]any{"range": "7d", "limit": 1}, &all)
	if len(all.Sessions) != 1 || !strings.HasSuffix(all.Sessions[0].Key, ":main") || all.Sessions[0].Usage.MessageCounts.Assistant != 2 || all.Totals.TotalTokens != cost.Totals.TotalTokens {
		t.Errorf("%+v", all)
	}
	if by := all.Aggregates; len(by.ByProvider) != 2 || by.ByProvider[0].Provider != "brain" || by.ByProvider[0].Count != 3 || len(by.ByModel) != 2 || len(by.Daily) != 2 || len(by.ByAgent) != 1 {
		t.Errorf("%+v", by)
	}
	var second usage.SessionsResult
	l.MustCall("sessions.usage", map[string]any{"key": "second"}, &second)
	if len(second.Sessions) != 1 || len(second.Sessions[0].Usage.ModelUsage) != 2 || second.Sessions[0].ModelProvider != "other" || len(second.Sessions[0].Usage.ActivityDates) != 1 {
		t.Errorf("%+v", second)
	}
	for _, bad := range []map[string]any{{"startDate": "yesterday-"}, {"startDate": "2026-13-01"}, {"startDate": "2030-01-02", "endDate": "2030-01-01"}} {
		if err := l.Call(t.Context(), "usage.cost", bad, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestLimits: a question that would go over a limit is not asked, and whoever asks learns why; the next day it is.
func TestLimits(t *testing.T) { synctest.Test(t, limits) }

func limits(t *testing.T) {
	for limit, says := range map[string]string{`"day":5`: "usage.limits.day", `"dayTokens":1000000`: "usage.limits.dayTokens"} {
		var asked atomic.Int64
		k := kerneltest.Start(t, kerneltest.Plugin(costly("brain", &asked)), kerneltest.Config(t, `{"timeZone":"UTC","usage":{"prices":{"brain/*":{"input":2,"output":8}},"limits":{`+limit+`}}}`))
		l := k.Listen()
		if got := l.Ask("1", "one"); got != "yes" {
			t.Errorf("%s", got)
		}
		l.Send("2", "two")
		if end := l.End("2"); end.State != "error" || !strings.Contains(end.ErrorMessage, says) {
			t.Errorf("%+v, want %s", end, says)
		}
		if asked.Load() != 1 {
			t.Errorf("the model was asked %d times", asked.Load())
		}
		var status usage.StatusResult
		l.MustCall("usage.status", nil, &status)
		if w := status.Windows; len(w) != 2 || w[0].Period != "day" || w[0].TotalTokens != 1501000 || w[0].ResetAt <= time.Now().UnixMilli() || (w[0].LimitCost == 5) == (w[0].LimitTokens == 1e6) {
			t.Errorf("%+v", status)
		}
		time.Sleep(24 * time.Hour)
		l = k.Listen()
		if got := l.Ask("3", "three"); got != "yes" {
			t.Errorf("the next day: %s", got)
		}
		k.Stop()
	}
}

// TestALongQuestionIsBeyondALimit before the model is asked: what it would read is reckoned.
func TestALongQuestionIsBeyondALimit(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	l := kerneltest.Start(t, kerneltest.Plugin(costly("brain", &asked)), kerneltest.Config(t, `{"usage":{"limits":{"monthTokens":5000}}}`)).Listen()
	l.Send("1", strings.Repeat("word ", 10000))
	if end := l.End("1"); end.State != "error" || !strings.Contains(end.ErrorMessage, "monthTokens") || asked.Load() != 0 {
		t.Errorf("%+v, asked %d times", end, asked.Load())
	}
}
