package kernel_test

import (
	"context"
	"fmt"
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
	return kerneltest.Provider(id, func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		asked.Add(1)
		a := kerneltest.Says("yes")
		a.Usage = &wit.Usage{Input: 1e6, Output: 5e5, CacheRead: 1000, Model: strings.ReplaceAll(c.Model, "latest", "1")}
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
	_ = l.Close() // a client that stays is told every half a minute that the gateway lives
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

	var months usage.MonthlyResult
	l.MustCall("usage.monthly", nil, &months)
	if len(months.Summaries) != 1 || months.Summaries[0].Totals != cost.Totals || months.Totals != cost.Totals || months.KeptDays != 400 {
		t.Errorf("%+v", months)
	}

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
		_ = l.Close()
		time.Sleep(24 * time.Hour)
		l = k.Listen()
		if got := l.Ask("3", "three"); got != "yes" {
			t.Errorf("the next day: %s", got)
		}
		k.Stop()
	}
}

// TestLimitsHoldForManyAtOnce: what is asked at the same time does not spend the same money twice, and the last answers are as long as
// what is left.
func TestLimitsHoldForManyAtOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	all := make(chan struct{})
	brain := kerneltest.Provider("brain", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if asked.Add(1) == 4 {
			close(all)
		}
		select {
		case <-all: // until there are some of them
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		length := uint64(3000)
		if c.MaxTokens > 0 {
			length = min(length, uint64(c.MaxTokens))
		}
		a := kerneltest.Says("yes")
		a.Usage = &wit.Usage{Output: length}
		return a, nil
	})
	l := kerneltest.Start(t, kerneltest.Plugin(brain), kerneltest.Config(t, `{"usage":{"prices":{"brain/*":{"input":0.001,"output":1000}},"limits":{"day":10}}}`)).Listen()
	for round := range 4 {
		for n := range 4 {
			id := fmt.Sprint(round, "-", n)
			l.MustCall("chat.send", object{"sessionKey": id, "message": "hi", "idempotencyKey": id}, nil)
		}
		for n := range 4 {
			l.End(fmt.Sprint(round, "-", n))
		}
	}
	var status usage.StatusResult
	l.MustCall("usage.status", nil, &status)
	if w := status.Windows[0]; w.TotalCost > 10 || w.TotalCost < 9 {
		t.Errorf("of $10 there are $%.4f spent, by %d answers", w.TotalCost, asked.Load())
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

// TestAllThatModelsAreAskedForIsCounted: also summaries, vectors and trials, and limits hold for the first two; what is of no session
// is in no row of the sessions, but in the sums.
func TestAllThatModelsAreAskedForIsCounted(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	brain := costly("brain", &asked)
	brain.Manifest.Provides.Provider.Offline = false
	brain.Exports["provider_embeddings"] = kerneltest.Export(func(_ context.Context, q *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
		a := &wit.EmbeddingAnswer{Usage: &wit.Usage{Input: 1000}}
		for range q.Texts {
			a.Embeddings = append(a.Embeddings, wit.Embedding{Vector: make([]byte, 4)})
		}
		return a, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(brain), kerneltest.Config(t, `{"timeZone":"UTC","agent":{"model":"brain/m"},
		"usage":{"prices":{"brain/m":{"input":2},"brain/vectors":{"input":1000}},"limits":{"dayTokens":12000000}}}`))
	l := k.Listen()
	used := func(n uint64, cost float64) usage.SessionsResult {
		t.Helper()
		var all usage.SessionsResult
		if l.MustCall("sessions.usage", nil, &all); all.Totals.TotalTokens != n {
			t.Errorf("%d tokens are counted, want %d", all.Totals.TotalTokens, n)
		}
		dollars(t, "all", all.Totals.TotalCost, cost)
		return all
	}
	for _, id := range []string{"1", "2", "3"} {
		l.Ask(id, "hello")
	}
	used(3*1501000, 3*2)
	l.MustCall("sessions.compact", map[string]any{"key": "main"}, nil)
	if all := used(4*1501000, 4*2); len(all.Sessions) != 1 || all.Sessions[0].Usage.TotalTokens != 4*1501000 {
		t.Errorf("the summary is not its session's: %+v", all.Sessions)
	}
	posted(t, k, 200, "/v1/embeddings", `{"model":"brain/vectors","input":["a","b"]}`)
	all := used(4*1501000+1000, 4*2+1)
	if len(all.Sessions) != 1 || len(all.Aggregates.ByAgent) != 1 || len(all.Aggregates.ByModel) != 2 {
		t.Errorf("%+v", all)
	}
	l.MustCall("models.test", nil, nil)
	used(6*1501000+1000, 6*2+1)
	l.Ask("4", "hello")
	l.MustCall("config.patch", map[string]any{"raw": `{"usage":{"limits":{"dayTokens":10}}}`}, nil)
	posted(t, k, 429, "/v1/embeddings", `{"model":"brain/vectors","input":["a","b"]}`)
	if err := l.Call(t.Context(), "sessions.compact", map[string]any{"key": "main"}, nil); wit.CodeOf(err) != wit.CodeRateLimited {
		t.Errorf("a summary beyond the limit: %v", err)
	}
}

// TestPricesThatAProviderComesWith hold while its settings are as they want them, and the owner's count more.
func TestPricesThatAProviderComesWith(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	brain := costly("brain", &asked)
	brain.Manifest.Config = wit.JSON(`{"type":"object"}`)
	brain.Manifest.Provides.Provider.Prices = []wit.PriceList{
		{Source: "https://example.com/prices", Date: "2026-11-29", Where: []wit.SettingCondition{{Setting: "at", Values: []string{"home"}}, {Setting: "other"}},
			Models: []wit.ModelPrice{{Models: []string{"m", "m-1"}, Input: 2, Output: 8, CacheRead: 1}, {Models: []string{"odd"}, Input: -1}}},
		{Source: "https://example.com/prices", Date: "2026-11-29", Where: []wit.SettingCondition{{Setting: "at", Values: []string{"work"}}},
			Models: []wit.ModelPrice{{Models: []string{"m"}, Input: 3}}},
		{Source: "https://example.com/prices", Date: "2026-11-29", Until: "2026-11-28", Models: []wit.ModelPrice{{Models: []string{"sale"}, Input: 1}}},
		{Source: "https://example.com/prices", Date: "2026-11-29", Until: "9999-12-31", Models: []wit.ModelPrice{{Models: []string{"sale"}, Input: 7},
			{Models: []string{"long"}, Input: 2, Output: 8, Long: &wit.LongPrice{Over: 1_000_999, Input: 4, Output: 16, CacheRead: 2}},
			{Models: []string{"short"}, Input: 2, Long: &wit.LongPrice{Over: 1_001_000, Input: 4}},
			{Models: []string{"odd long"}, Input: 2, Long: &wit.LongPrice{Over: 1, Input: -1}}}},
	}
	l := kerneltest.Start(t, kerneltest.Plugin(brain), kerneltest.Config(t, `{"timeZone":"UTC"}`)).Listen()
	n := 0
	answer := func(model, settings string) usage.Totals {
		t.Helper()
		var before, after usage.CostResult
		l.MustCall("config.patch", map[string]any{"raw": settings}, nil)
		l.MustCall("sessions.patch", map[string]any{"key": "main", "model": "brain/" + model}, nil)
		l.MustCall("usage.cost", nil, &before)
		n++
		l.Ask(strings.Repeat("r", n), "hello")
		l.MustCall("usage.cost", nil, &after)
		return usage.Totals{TotalCost: after.Totals.TotalCost - before.Totals.TotalCost, MissingCostEntries: after.Totals.MissingCostEntries - before.Totals.MissingCostEntries}
	}
	for _, c := range []struct {
		model, settings string
		cost            float64 // 0 has no price
	}{
		{"m-1", `{}`, 2 + 4 + 0.001}, {"m-latest", `{}`, 2 + 4 + 0.001}, {"other-latest", `{}`, 0}, {"other", `{}`, 0}, {"odd", `{}`, 0},
		{"sale", `{}`, 7}, {"long", `{}`, 4 + 8 + 0.002}, {"short", `{}`, 2}, {"odd long", `{}`, 0},
		{"m", `{"plugins":{"brain":{"config":{"at":"home"}}}}`, 2 + 4 + 0.001},
		{"m", `{"plugins":{"brain":{"config":{"at":"work"}}}}`, 3},
		{"m", `{"plugins":{"brain":{"config":{"at":"sea"}}}}`, 0},
		{"m", `{"plugins":{"brain":{"config":{"at":7}}}}`, 0},
		{"m", `{"plugins":{"brain":{"config":{"at":"home","other":"x"}}}}`, 0},
		{"m", `{"usage":{"prices":{"brain/m":{"input":5}}}}`, 5}, {"m-latest", `{"usage":{"prices":{"brain/m-latest":{"input":6}}}}`, 6},
	} {
		got := answer(c.model, c.settings)
		dollars(t, c.model+" "+c.settings, got.TotalCost, c.cost)
		if missing := got.MissingCostEntries == 1; missing != (c.cost == 0) {
			t.Errorf("%s %s: %+v", c.model, c.settings, got)
		}
	}
}
