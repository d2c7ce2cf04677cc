package cron_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func job(schedule, target, payload, rest string) string {
	return `{"name":"n","wakeMode":"now","schedule":` + schedule + `,"sessionTarget":"` + target + `","payload":` + payload + rest + `}`
}

const (
	every = `{"kind":"every","everyMs":60000}`
	turn  = `{"kind":"agentTurn","message":"m"}`
	ping  = `{"kind":"systemEvent","text":"t"}`
)

func TestRefused(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		for what, params := range map[string]string{
			"nothing":                     ``,
			"empty name":                  `{"name":"","schedule":` + every + `,"payload":` + ping + `}`,
			"unknown agent":               job(every, "main", ping, `,"agentId":"nobody"`),
			"session of an unknown agent": job(every, "session:agent:nobody:main", turn, ``),
			"session key of another":      job(every, "main", ping, `,"sessionKey":"agent:nobody:main"`),
			"a time that has passed":      job(`{"kind":"at","at":"1999-12-31T23:58:00Z"}`, "main", ping, ``),
			"at in an unknown zone":       job(`{"kind":"at","at":"2001-01-01T10:00","tz":"Mars/Base"}`, "main", ping, ``),
			"a trigger":                   job(every, "main", ping, `,"trigger":{"script":"x"}`),
			"an alert by webhook nowhere": job(every, "main", ping, `,"failureAlert":{"mode":"webhook"}`),
			"an alert of skipped runs":    job(every, "main", ping, `,"failureAlert":{"includeSkipped":true}`),
			"an alert after none":         job(every, "main", ping, `,"failureAlert":{"after":0}`),
			"an alert with more":          job(every, "main", ping, `,"failureAlert":{"color":"red"}`),
			"an alert to nobody":          job(every, "main", ping, `,"failureAlert":{"to":""}`),
			"an alert in words":           job(every, "main", ping, `,"failureAlert":"yes"`),
			"an alert that is true":       job(every, "main", ping, `,"failureAlert":true`),
			"completion by webhook":       job(every, "isolated", turn, `,"delivery":{"mode":"announce","completionDestination":{"mode":"webhook","to":"https://example.org"}}`),
			"an answer of an event":       job(every, "main", ping, `,"delivery":{"mode":"announce"}`),
			"a model of an event":         job(every, "main", `{"kind":"systemEvent","text":"t","model":"m"}`, ``),
			"tools of an event":           job(every, "main", `{"kind":"systemEvent","text":"t","toolsAllow":["calc"]}`, ``),
			"a group of tools":            job(every, "isolated", `{"kind":"agentTurn","message":"m","toolsAllow":["group:fs"]}`, ``),
			"a tool without a name":       job(every, "isolated", `{"kind":"agentTurn","message":"m","toolsAllow":[""]}`, ``),
			"tools in words":              job(every, "isolated", `{"kind":"agentTurn","message":"m","toolsAllow":"calc"}`, ``),
			"a fallback without a name":   job(every, "isolated", `{"kind":"agentTurn","message":"m","fallbacks":["a/b"," "]}`, ``),
			"an interval at a time":       job(`{"kind":"at","at":"2001-01-01","everyMs":1}`, "main", ping, ``),
			"an expression of intervals":  job(`{"kind":"every","everyMs":1,"expr":"* * * * *"}`, "main", ping, ``),
			"a zone of intervals":         job(`{"kind":"every","everyMs":1,"tz":"UTC"}`, "main", ping, ``),
			"a staggered time":            job(`{"kind":"at","at":"2001-01-01","staggerMs":1}`, "main", ping, ``),
			"the session of another":      job(every, "session:agent:a1:x", turn, `,"agentId":"a2"`),
			"no session at all":           job(every, "session:agent:", turn, ``),
			"a broken session key":        job(every, "main", ping, `,"sessionKey":"agent:x"`),
			"an owner that is nobody":     job(every, "main", ping, `,"owner":{"agentId":"nobody"}`),
			"an owner's broken session":   job(every, "main", ping, `,"owner":{"sessionKey":"agent:"}`),
			"a blank agent":               job(every, "main", ping, `,"agentId":" "`),
			"a blank channel":             job(every, "isolated", turn, `,"delivery":{"mode":"announce","channel":""}`),
			"pacing":                      job(every, "main", ping, `,"pacing":{"min":"1h"}`),
			"no schedule":                 `{"name":"n","sessionTarget":"main","wakeMode":"now","payload":` + ping + `}`,
			"no payload":                  `{"name":"n","sessionTarget":"main","wakeMode":"now","schedule":` + every + `}`,
			"unknown field":               job(every, "main", ping, `,"color":"red"`),
			"unknown schedule":            job(`{"kind":"stream","command":["x"]}`, "main", ping, ``),
			"unknown payload":             job(every, "isolated", `{"kind":"command","argv":["rm"]}`, ``),
			"unknown wake mode":           strings.Replace(job(every, "main", ping, ``), `"now"`, `"later"`, 1),
			"event elsewhere":             job(every, "isolated", ping, ``),
			"turn in main":                job(every, "main", turn, ``),
			"unknown target":              job(every, "moon", turn, ``),
			"target without a session":    job(every, "session:", turn, ``),
			"current of nothing":          job(every, "current", turn, ``),
			"empty text":                  job(every, "main", `{"kind":"systemEvent","text":" "}`, ``),
			"text of a turn":              job(every, "isolated", `{"kind":"agentTurn","text":"t"}`, ``),
			"message of an event":         job(every, "main", `{"kind":"systemEvent","text":"t","message":"m"}`, ``),
			"a webhook nowhere":           job(every, "isolated", turn, `,"delivery":{"mode":"webhook"}`),
			"a webhook in the clear":      job(every, "isolated", turn, `,"delivery":{"mode":"webhook","to":"http://example.org/x"}`),
			"a webhook with a password":   job(every, "isolated", turn, `,"delivery":{"mode":"webhook","to":"https://me:secret@example.org/x"}`),
			"a webhook by another way":    job(every, "isolated", turn, `,"delivery":{"mode":"webhook","to":"file:///etc/passwd"}`),
			"a webhook of an event":       job(every, "main", ping, `,"delivery":{"mode":"webhook","to":"https://example.org/x"}`),
			"failures by webhook":         job(every, "isolated", turn, `,"delivery":{"mode":"none","failureDestination":{"mode":"webhook","to":"http://example.org"}}`),
			"failures without an object":  job(every, "isolated", turn, `,"delivery":{"mode":"none","failureDestination":false}`),
			"no interval":                 job(`{"kind":"every"}`, "main", ping, ``),
			"negative interval":           job(`{"kind":"every","everyMs":-1}`, "main", ping, ``),
			"no time":                     job(`{"kind":"at"}`, "main", ping, ``),
			"time in words":               job(`{"kind":"at","at":"tomorrow"}`, "main", ping, ``),
			"no expression":               job(`{"kind":"cron"}`, "main", ping, ``),
			"unknown zone":                job(`{"kind":"cron","expr":"* * * * *","tz":"Mars/Base"}`, "main", ping, ``),
			"agent is a number":           job(every, "main", ping, `,"agentId":7`),
			"channel is a number":         job(every, "isolated", turn, `,"delivery":{"mode":"announce","channel":7}`),
			"agent is a list":             job(every, "main", ping, `,"agentId":["a"]`),
			"long agent":                  job(every, "main", ping, `,"agentId":"`+strings.Repeat("a", 513)+`"`),
		} {
			if out, err := b.call("cron.add", params); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("%s: %s, %v; want invalid", what, out, err)
			}
		}
		if _, err := b.call("cron.add", job(every, "main", `{"kind":"systemEvent","text":"`+strings.Repeat("t", 70000)+`"}`, ``)); wit.CodeOf(err) != wit.CodeTooLarge {
			b.Errorf("large text: %v; want too_large", err)
		}
		id := b.add(job(every, "main", ping, ``))
		for _, patch := range []string{`{"schedule":{"kind":"at","at":"1999-12-31T23:58:00Z"}}`, `{"state":{"nextRunAtMs":1}}`, `{"agentId":"nobody"}`,
			`{"sessionKey":"agent:nobody:x"}`, `{"trigger":{"script":"x"}}`, `{"delivery":{"mode":"announce"}}`} {
			if _, err := b.call("cron.update", `{"id":"`+id+`","patch":`+patch+`}`); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("%s: %v; want invalid", patch, err)
			}
		}
		b.want(id, "cron.remove", `{"id":"ID"}`, `{"ok":true,"removed":true}`)
		for _, method := range []string{"cron.get", "cron.remove", "cron.run"} {
			if _, err := b.call(method, `{}`); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("%s without an id: %v", method, err)
			}
		}
		if out, err := b.call("cron.status", ``); err != nil || !strings.Contains(out, `"jobs":0`) {
			b.Errorf("something was stored: %s, %v", out, err)
		}
	})
}

func TestScopes(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		b.scopes = []wire.Scope{wire.ScopeRead, wire.ScopeWrite}
		for method, want := range map[string]wit.Code{
			"cron.list": "", "cron.status": "", "cron.get": wit.CodeNotFound, "cron.runs": "",
			"cron.add": wit.CodeForbidden, "cron.update": wit.CodeForbidden, "cron.remove": wit.CodeForbidden, "cron.run": wit.CodeForbidden,
		} {
			params := `{"id":"x"}`
			if method == "cron.list" || method == "cron.status" {
				params = `{}`
			}
			if _, err := b.call(method, params); wit.CodeOf(err) != want {
				b.Errorf("%s with read and write: %v, want %q", method, err, want)
			}
		}
	})
}

func TestTimesOfAt(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		for text, want := range map[string]int64{
			"2000-02-01T00:00:00Z":      949363200000,
			"2000-02-01T01:00:00+01:00": 949363200000,
			"2000-02-01T00:00:00.250Z":  949363200250,
			"2000-02-01T00:00:00":       949363200000,
			"2000-02-01T00:00":          949363200000,
			"2000-02-01":                949363200000,
			"2000-02-01 00:00":          949363200000,
			" 2000-02-01 01:00:00+0100": 949363200000,
			"2000-02-01 01:00 +01:00":   949363200000,
		} {
			out, err := b.call("cron.add", job(`{"kind":"at","at":"`+text+`"}`, "main", ping, ``))
			if err != nil || !strings.Contains(out, fmt.Sprintf(`"atMs":%d}`, want)) {
				b.Errorf("%s: %s, %v; want %d", text, out, err, want)
			}
		}
	})
}

// What is left out has the defaults of the protocol.
func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		protocol int
		params   string
		want     []string
	}{
		{3, `{"schedule":` + every + `,"payload":{"kind":"systemEvent","text":"\n  water the  plants\nsoon"}}`, []string{`"name":"water the plants"`, `"sessionTarget":"main"`, `"wakeMode":"next-heartbeat"`}},
		{4, `{"schedule":` + every + `,"payload":{"kind":"systemEvent","text":"` + strings.Repeat("ä", 70) + `"}}`, []string{`"name":"` + strings.Repeat("ä", 59) + `…"`, `"sessionTarget":"main"`, `"wakeMode":"now"`}},
		{4, `{"schedule":{"kind":"at","at":"2001-01-01"},"payload":` + turn + `}`, []string{`"sessionTarget":"isolated"`, `"deleteAfterRun":true`, `"delivery":{"mode":"announce","bestEffort":true}`}},
		{4, `{"schedule":{"kind":"at","at":"2001-01-01"},"deleteAfterRun":false,"payload":` + turn + `}`, []string{`"sessionTarget":"isolated","wakeMode":"now"`}},
	} {
		inBubble(t, c.protocol, func(b *bench) {
			out, err := b.call("cron.add", c.params)
			for _, want := range c.want {
				if err != nil || !strings.Contains(out, want) {
					b.Errorf("%s: %s, %v; want %s", c.params, out, err, want)
				}
			}
		})
	}
}

// What clients say about a job they read again, also where nothing here acts on it.
func TestKept(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(`{"kind":"cron","expr":"0 9 * * *","staggerMs":60000}`, "main", ping, `,"displayName":"Ping","owner":{"agentId":"a"},"delivery":{"mode":"none","channel":"chat"},"failureAlert":false,"trigger":null,"pacing":null`))
		out, err := b.call("cron.get", `{"id":"`+id+`"}`)
		for _, want := range []string{`"staggerMs":60000`, `"displayName":"Ping"`, `"owner":{"agentId":"a"}`, `"failureAlert":false`, `"delivery":{"mode":"none","channel":"chat"}`, `"nextRunAtMs":946717200000`} {
			if err != nil || !strings.Contains(out, want) {
				b.Errorf("%s, %v; want %s", out, err, want)
			}
		}
		id = b.add(job(every, "isolated", `{"kind":"agentTurn","message":"m","fallbacks":["a/b"],"lightContext":true,"allowUnsafeExternalContent":false,"toolsAllow":["x"],"toolsAllowIsDefault":true}`, ``))
		b.want(id, "cron.update", `{"id":"ID","patch":{"displayName":null,"state":{},"payload":{"kind":"agentTurn","lightContext":false}}}`,
			`{"id":"ID","name":"n","enabled":true,"createdAtMs":946684800000,"updatedAtMs":946684800000,"schedule":{"kind":"every","everyMs":60000},"sessionTarget":"isolated","wakeMode":"now",`+
				`"payload":{"kind":"agentTurn","message":"m","fallbacks":["a/b"],"allowUnsafeExternalContent":false,"lightContext":false,"toolsAllowIsDefault":true,"toolsAllow":["x"]},"delivery":{"mode":"announce","bestEffort":true},"state":{"nextRunAtMs":946684860000},"nextRunAtMs":946684860000}`)
	})
}

// The second declaration of a job changes the first.
func TestDeclared(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		first, err := b.call("cron.add", job(every, "main", ping, `,"declarationKey":"k"`))
		if err != nil || !strings.HasPrefix(first, `{"created":true,"job":{"id":"`) || !strings.Contains(first, `"declarationKey":"k"`) {
			b.Errorf("first: %s, %v", first, err)
		}
		second, err := b.call("cron.add", job(`{"kind":"every","everyMs":120000}`, "main", ping, `,"declarationKey":"k"`))
		if err != nil || !strings.HasPrefix(second, `{"created":false,"updated":true,"job":{"id":"`) || !strings.Contains(second, `"everyMs":120000`) {
			b.Errorf("second: %s, %v", second, err)
		}
		if out, _ := b.call("cron.status", ``); !strings.Contains(out, `"jobs":1`) {
			b.Errorf("status %s", out)
		}
	})
}

// Those who declare a job at the same time declare one.
func TestDeclaredByMany(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := b.call("cron.add", job(every, "main", ping, `,"declarationKey":"k"`)); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
		if out, _ := b.call("cron.status", ``); !strings.Contains(out, `"jobs":1,`) {
			b.Errorf("status %s", out)
		}
	})
}

// A delivery that fails leaves the answer in the history, beside the error.
func TestOutcome(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		b.fail("nobody is there")
		b.outcome = cron.Outcome{SessionKey: "agent:main:cron:x", Model: "m", Usage: &cron.Usage{Input: 1, Output: 2, Total: 3}, DeliveryStatus: cron.NotDelivered, DeliveryError: "nobody is there"}
		id := b.add(job(every, "isolated", turn, ``))
		b.sleep(time.Minute)
		const outcome = `"sessionKey":"agent:main:cron:x","model":"m","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"deliveryStatus":"not-delivered","deliveryError":"nobody is there"`
		b.want(id, "cron.runs", `{"deliveryStatus":"not-delivered"}`, `{"entries":[{"ts":946684860000,"jobId":"ID","action":"finished","status":"error","error":"nobody is there","summary":"Hello!","runAtMs":946684860000,"durationMs":0,"nextRunAtMs":946684920000,"runId":"cron:ID:946684860000","jobName":"n",`+outcome+`}],"total":1,"offset":0,"limit":1,"hasMore":false,"nextOffset":null}`)
		b.want(id, "cron.runs", `{"deliveryStatus":"unknown"}`, `{"entries":[],"total":0,"offset":0,"limit":1,"hasMore":false,"nextOffset":null}`)
		events := strings.Split(b.heard(&b.events), "\n")
		if last := events[len(events)-1]; !strings.Contains(last, `"runId":"cron:`+id+`:946684860000","job":{"id":"`+id) || !strings.HasSuffix(last, outcome+`}`) {
			b.Errorf("event %s", last)
		}
	})
}

// The runs of a job that removed itself are still there.
func TestRunsOfAJobThatIsGone(t *testing.T) {
	for _, protocol := range []int{3, 4} {
		inBubble(t, protocol, func(b *bench) {
			id := b.add(job(`{"kind":"at","at":"2000-01-01T00:10:00Z"}`, "main", ping, `,"deleteAfterRun":true`))
			b.sleep(11 * time.Minute)
			if _, err := b.call("cron.get", `{"id":"`+id+`"}`); wit.CodeOf(err) != wit.CodeNotFound {
				b.Fatalf("the job is still there: %v", err)
			}
			for _, params := range []string{`{"id":"` + id + `"}`, `{"scope":"all"}`, `{"scope":"all","agentId":"main"}`} {
				if out, err := b.call("cron.runs", params); err != nil || strings.Count(out, `"jobId":"`+id+`"`) != 1 || !strings.Contains(out, `"summary":"t"`) {
					b.Errorf("%s: %s, %v", params, out, err)
				}
			}
		})
	}
}

// A run of a time when the clock was ahead is not for ever the latest.
func TestRunsAfterTheClockWasAhead(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(every, "main", ping, ``))
		for _, ahead := range []time.Duration{0, 48 * time.Hour, 0} {
			b.ahead.Store(int64(ahead))
			b.sleep(5 * time.Second)
			if _, err := b.call("cron.run", `{"id":"`+id+`"}`); err != nil {
				b.Error(err)
			}
			b.sleep(time.Second)
		}
		for _, params := range []string{`{"id":"` + id + `","limit":1}`, `{"scope":"all","limit":1}`} {
			if out, err := b.call("cron.runs", params); err != nil || !strings.Contains(out, `"entries":[{"ts":9466848`) {
				b.Errorf("the latest run of %s: %s, %v", params, out, err)
			}
		}
	})
}

func TestNothingDue(t *testing.T) {
	inBubble(t, 3, func(b *bench) {
		if out, err := b.call("cron.status", ``); err != nil || !strings.Contains(out, `"nextWakeAtMs":null`) {
			b.Errorf("%s, %v", out, err)
		}
	})
}

// Deliver is absent, true or false in protocol 3, and has a default in 4.
func TestDelivery(t *testing.T) {
	for _, c := range []struct {
		protocol int
		payload  string
		rest     string
		deliver  bool
	}{
		{3, turn, ``, false},
		{3, `{"kind":"agentTurn","message":"m","channel":"last"}`, ``, false},
		{3, `{"kind":"agentTurn","message":"m","to":"7"}`, ``, true},
		{3, `{"kind":"agentTurn","message":"m","to":"7","deliver":false}`, ``, false},
		{3, `{"kind":"agentTurn","message":"m","deliver":true}`, ``, true},
		{4, turn, ``, true},
		{4, turn, `,"delivery":{"mode":"none"}`, false},
		{4, turn, `,"delivery":{"mode":"announce"}`, true},
		{4, `{"kind":"agentTurn","message":"m","deliver":false}`, ``, false},
	} {
		inBubble(t, c.protocol, func(b *bench) {
			b.add(job(every, "isolated", c.payload, c.rest))
			b.sleep(time.Minute)
			if t := b.turn(0); t.Key == "" || t.Deliver != c.deliver {
				b.Errorf("%+v: %+v", c, t)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	long := strings.Repeat("ä", 3000)
	for _, c := range []struct{ isolation, answer, want string }{
		{`{}`, "hi", "Cron: hi"},
		{`{"postToMainPrefix":" Report "}`, " hi\n", "Report: hi"},
		{`{"postToMainPrefix":""}`, "hi", "Cron: hi"},
		{`{}`, long, "Cron: " + long[:4000] + "…"},
		{`{"postToMainMode":"full"}`, long, "Cron: " + long},
		{`{"postToMainMode":"full","postToMainMaxChars":2}`, long, "Cron: ää…"},
		{`{}`, " ", ""},
	} {
		inBubble(t, 3, func(b *bench) {
			b.mu.Lock()
			b.answer = &c.answer
			b.mu.Unlock()
			b.add(job(every, "isolated", turn, `,"isolation":`+c.isolation))
			b.sleep(time.Minute)
			want := c.want
			if want != "" {
				want += "|now|"
			}
			if got := b.heard(&b.said); got != want {
				b.Errorf("%s: %.60q, want %.60q", c.isolation, got, want)
			}
		})
	}
}

func TestLists(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		for i, name := range []string{"Beta", "alpha-x", "gamma"} {
			b.add(strings.Replace(job(fmt.Sprintf(`{"kind":"every","everyMs":%d}`, 60000*(i+1)), "main", ping, []string{``, `,"agentId":"a1"`, `,"agentId":"a2"`}[i]), `"n"`, `"`+name+`"`, 1))
			b.sleep(time.Millisecond)
		}
		b.add(strings.Replace(job(`{"kind":"cron","expr":"@daily"}`, "main", ping, `,"enabled":false`), `"n"`, `"off"`, 1))
		for params, want := range map[string]string{
			`{}`:                                         "Beta alpha-x gamma",
			`{"includeDisabled":true}`:                   "Beta alpha-x gamma off",
			`{"enabled":"all","sortDir":"desc"}`:         "gamma alpha-x Beta off",
			`{"enabled":"disabled"}`:                     "off",
			`{"sortBy":"name"}`:                          "alpha-x Beta gamma",
			`{"sortBy":"updatedAtMs","sortDir":"desc"}`:  "gamma alpha-x Beta",
			`{"query":"A-X"}`:                            "alpha-x",
			`{"agentId":"a2"}`:                           "gamma",
			`{"agentId":"main"}`:                         "Beta",
			`{"agentId":"main","includeDisabled":true}`:  "Beta off",
			`{"scheduleKind":"cron","enabled":"all"}`:    "off",
			`{"scheduleKind":"stream"}`:                  "",
			`{"lastRunStatus":"ok"}`:                     "",
			`{"lastRunStatus":"unknown","limit":2}`:      "Beta alpha-x",
			`{"limit":2,"offset":2}`:                     "gamma",
			`{"offset":7}`:                               "",
			`{"trigger":"conditional"}`:                  "",
			`{"trigger":"unconditional","compact":true}`: "Beta alpha-x gamma",
		} {
			out, err := b.call("cron.list", params)
			if err != nil {
				b.Errorf("%s: %v", params, err)
			}
			var got []string
			for _, part := range strings.Split(out, `"name":"`)[1:] {
				got = append(got, part[:strings.Index(part, `"`)])
			}
			if strings.Join(got, " ") != want {
				b.Errorf("%s: %v, want %s", params, got, want)
			}
		}
		first, _ := b.call("cron.list", `{"limit":2}`)
		if !strings.Contains(first, `"total":3,"offset":0,"limit":2,"hasMore":true,"nextOffset":2,`) {
			b.Errorf("page: %s", first)
		}
		_, revision, ok := strings.Cut(first, `"snapshotRevision":`)
		if second, _ := b.call("cron.list", `{"limit":2,"offset":2}`); !ok || !strings.HasSuffix(second, revision) {
			b.Errorf("the second page is of another revision: %s", second)
		}
		b.add(job(every, "main", ping, ``))
		if again, _ := b.call("cron.list", `{"limit":2}`); strings.HasSuffix(again, revision) {
			b.Errorf("a job was added, and it is still the same revision: %s", again)
		}
		// A page in the order that the scheduler keeps is that of all jobs, in which a text is looked for.
		for _, params := range []string{`"limit":2`, `"limit":2,"offset":1`, `"limit":9,"enabled":"disabled"`, `"limit":9,"offset":99`, `"limit":1,"enabled":"enabled"`} {
			page, err := b.call("cron.list", "{"+params+"}")
			page, _, _ = strings.Cut(page, `,"snapshotRevision"`)
			all, err2 := b.call("cron.list", "{"+params+`,"query":"t"}`)
			if all, _, _ = strings.Cut(all, `,"snapshotRevision"`); page != all || page == "" || err != nil || err2 != nil {
				b.Errorf("%s: %s, %v\nand of all jobs: %s, %v", params, page, err, all, err2)
			}
		}
	})
}

// TestBoundsOfLists: what is one beyond a bound is refused, with the field's name, and the bound itself is taken.
func TestBoundsOfLists(t *testing.T) {
	word := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	inBubble(t, 4, func(b *bench) {
		for _, c := range []struct{ method, field, good, bad string }{
			{"cron.list", "offset", "0", "-1"},
			{"cron.list", "limit", "1", "0"},
			{"cron.list", "limit", "1000", "1001"},
			{"cron.list", "query", word(200), word(201)},
			{"cron.list", "agentId", `"main"`, word(129)},
			{"cron.runs", "offset", "0", "-1"},
			{"cron.runs", "limit", "1", "0"},
			{"cron.runs", "limit", "5000", "5001"},
			{"cron.runs", "query", word(200), word(201)},
			{"cron.runs", "agentId", `"main"`, word(129)},
			{"cron.runs", "runId", word(512), word(513)},
			{"cron.runs", "statuses", `["ok","error","skipped"]`, `["ok","error","skipped","ok"]`},
			{"cron.runs", "deliveryStatuses", `["delivered","not-delivered","unknown","not-requested"]`, `["delivered","delivered","delivered","delivered","delivered"]`},
		} {
			if _, err := b.call(c.method, `{"`+c.field+`":`+c.good+`}`); err != nil {
				b.Errorf("%s %s %.20s: %v", c.method, c.field, c.good, err)
			}
			if _, err := b.call(c.method, `{"`+c.field+`":`+c.bad+`}`); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "/"+c.field) {
				b.Errorf("%s %s %.20s: %v, want invalid", c.method, c.field, c.bad, err)
			}
		}
		for _, field := range []string{"id", "jobId"} {
			if _, err := b.call("cron.runs", `{"`+field+`":`+word(128)+`}`); wit.CodeOf(err) != wit.CodeNotFound {
				b.Errorf("%s of 128 bytes: %v", field, err)
			}
			if _, err := b.call("cron.runs", `{"`+field+`":`+word(129)+`}`); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("%s of 129 bytes: %v", field, err)
			}
		}
	})
}

func TestRuns(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(every, "main", ping, ``))
		b.sleep(3*time.Minute + time.Second)
		b.fail("no main session")
		b.sleep(time.Minute)
		for params, want := range map[string]string{
			`{"id":"ID"}`:                                "240 180 120 60",
			`{"jobId":"ID","sortDir":"asc"}`:             "60 120 180 240",
			`{"id":"ID","limit":2}`:                      "240 180",
			`{"id":"ID","limit":2,"offset":3}`:           "60",
			`{"id":"ID","status":"error"}`:               "240",
			`{"id":"ID","statuses":["ok","skipped"]}`:    "180 120 60",
			`{"id":"ID","query":"no main"}`:              "240",
			`{"id":"ID","deliveryStatus":"delivered"}`:   "",
			`{"id":"ID","runId":"cron:ID:946684860000"}`: "60",
			`{}`:                               "240 180 120 60",
			`{"scope":"all","agentId":"main"}`: "240 180 120 60",
		} {
			out, err := b.call("cron.runs", strings.ReplaceAll(params, "ID", id))
			if err != nil {
				b.Errorf("%s: %v", params, err)
			}
			var got []string
			for _, part := range strings.Split(out, `"runAtMs":`)[1:] {
				var ms int64
				fmt.Sscan(part[:strings.IndexAny(part, ",}")], &ms)
				got = append(got, fmt.Sprint((ms-946684800000)/1000))
			}
			if strings.Join(got, " ") != want {
				b.Errorf("%s: %v, want %s", params, got, want)
			}
		}
		for _, params := range []string{`{"scope":"all","agentId":"nobody"}`, `{"scope":"job"}`, `{"id":"ID","limit":0}`, `{"id":"ID","statuses":["late"]}`} {
			if _, err := b.call("cron.runs", params); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("%s: %v, want invalid", params, err)
			}
		}
		if _, err := b.call("cron.runs", `{"id":"x"}`); wit.CodeOf(err) != wit.CodeNotFound {
			b.Errorf("runs of a missing job: %v", err)
		}
		b.protocol = 3
		out, err := b.call("cron.runs", `{"id":"`+id+`","limit":2}`)
		if err != nil || strings.Count(out, `"ts"`) != 2 || strings.Index(out, `"ts":946684980000`) > strings.Index(out, `"ts":946685040000`) || strings.Contains(out, "total") {
			b.Errorf("protocol 3, the latest last: %s, %v", out, err)
		}
	})
}

// TestWhatIsMissed: what becomes of times at which a job cannot run is the client's to say, in both protocols, and to
// change.
func TestWhatIsMissed(t *testing.T) {
	inBubble(t, 4, func(b *bench) {
		id := b.add(job(every, "main", ping, `,"catchUp":"all","catchUpMax":7,"overlap":"queue"`))
		shows := func(want string) {
			b.Helper()
			for _, b.protocol = range []int{3, 4} {
				if out, err := b.call("cron.get", `{"id":"`+id+`"}`); err != nil || !strings.Contains(out, `},`+want+`"sessionTarget"`) {
					b.Errorf("%s, %v; want %s", out, err, want)
				}
			}
		}
		shows(`"catchUp":"all","catchUpMax":7,"overlap":"queue",`)
		patch := func(text string) error {
			_, err := b.call("cron.update", `{"id":"`+id+`","patch":`+text+`}`)
			return err
		}
		if err := patch(`{"name":"other"}`); err != nil {
			b.Error(err)
		}
		shows(`"catchUp":"all","catchUpMax":7,"overlap":"queue",`)
		if err := patch(`{"catchUp":"skip"}`); err != nil {
			b.Error(err)
		}
		shows(`"catchUp":"skip","overlap":"queue",`)
		for _, bad := range []string{`{"catchUp":"some"}`, `{"catchUpMax":3}`, `{"catchUp":"all","catchUpMax":101}`, `{"overlap":"parallel"}`} {
			if err := patch(bad); wit.CodeOf(err) != wit.CodeInvalid {
				b.Errorf("%s: %v, want invalid", bad, err)
			}
		}
		shows(`"catchUp":"skip","overlap":"queue",`)
		id = b.add(job(every, "main", ping, ``))
		shows(``)
	})
}
