package clock_test

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the database that the rules are compared with

	clock "github.com/carapace-gateway/carapace/builtin-plugins/time"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

var now = time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC).UnixMilli()

func TestTranscripts(t *testing.T) { sdktest.Replay(t, clock.New(), "testdata/*.jsonl") }

func invoke(t *testing.T, args string, now int64, zone string) (text string, failed bool) {
	t.Helper()
	output, err := clock.New().Invoke((&sdktest.Host{}).SDK(), &wit.ToolInvocation{
		Name: "time", Args: wit.JSON(args), Context: wit.ToolContext{Now: now, TimeZone: zone},
	})
	if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return *output.Content[0].Text, output.Failed
}

func TestAnswers(t *testing.T) {
	for args, want := range map[string]string{
		`{}`:                    "It is 15:00 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00).",
		`{"operation":"now"}`:   "It is 15:00 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00).",
		`{"zone":"Tokyo"}`:      "It is 23:00 on Tuesday, 3 March 2026 in Asia/Tokyo (UTC+09:00).",
		`{"zone":"new york"}`:   "It is 09:00 on Tuesday, 3 March 2026 in America/New_York (UTC-05:00).",
		`{"zone":"Mumbai"}`:     "It is 19:30 on Tuesday, 3 March 2026 in Asia/Kolkata (UTC+05:30).",
		`{"zone":"+05:45"}`:     "It is 19:45 on Tuesday, 3 March 2026 in UTC+05:45 (UTC+05:45).",
		`{"zone":"UTC"}`:        "It is 14:00 on Tuesday, 3 March 2026 in UTC (UTC+00:00).",
		`{"zone":"asia/tokyo"}`: "It is 23:00 on Tuesday, 3 March 2026 in Asia/Tokyo (UTC+09:00).",
		`{"operation":"convert","time":"2026-07-01T09:30","toZone":"Los Angeles"}`:         "09:30 on Wednesday, 1 July 2026 in Europe/Berlin (UTC+02:00) is 00:30 on Wednesday, 1 July 2026 in America/Los_Angeles (UTC-07:00).",
		`{"operation":"convert","time":"2026-07-01T09:30:15Z","zone":"Sydney"}`:            "19:30:15 on Wednesday, 1 July 2026 in Australia/Sydney (UTC+10:00) is 11:30:15 on Wednesday, 1 July 2026 in Europe/Berlin (UTC+02:00).",
		`{"operation":"add","time":"2026-01-31","months":1}`:                               "00:00 on Saturday, 31 January 2026 in Europe/Berlin (UTC+01:00), moved by 1 month, is 00:00 on Saturday, 28 February 2026 in Europe/Berlin (UTC+01:00).",
		`{"operation":"add","time":"2024-02-29","years":-1,"days":2}`:                      "00:00 on Thursday, 29 February 2024 in Europe/Berlin (UTC+01:00), moved by -1 year, 2 days, is 00:00 on Thursday, 2 March 2023 in Europe/Berlin (UTC+01:00).",
		`{"operation":"add","time":"2026-03-28T12:00","days":1}`:                           "12:00 on Saturday, 28 March 2026 in Europe/Berlin (UTC+01:00), moved by 1 day, is 12:00 on Sunday, 29 March 2026 in Europe/Berlin (UTC+02:00).",
		`{"operation":"add","time":"2026-03-28T12:00","hours":24}`:                         "12:00 on Saturday, 28 March 2026 in Europe/Berlin (UTC+01:00), moved by 24 hours, is 13:00 on Sunday, 29 March 2026 in Europe/Berlin (UTC+02:00).",
		`{"operation":"difference","time":"2026-03-03","until":"2026-12-24"}`:              "From 00:00 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00) to 00:00 on Thursday, 24 December 2026 in Europe/Berlin (UTC+01:00): 9 months, 21 days (296 days on the calendar).",
		`{"operation":"difference","time":"16:30"}`:                                        "Back from 16:30 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00) to 15:00 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00): 1 hour, 30 minutes.",
		`{"operation":"difference"}`:                                                       "From 15:00 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00) to 15:00 on Tuesday, 3 March 2026 in Europe/Berlin (UTC+01:00): no time at all.",
		`{"operation":"difference","time":"0001-01-01","until":"9999-12-31","zone":"UTC"}`: "From 00:00 on Monday, 1 January 0001 in UTC (UTC+00:00) to 00:00 on Friday, 31 December 9999 in UTC (UTC+00:00): 9998 years, 11 months, 30 days (3652058 days on the calendar).",
	} {
		if got, failed := invoke(t, args, now, "Europe/Berlin"); got != want || failed {
			t.Errorf("%s:\n got  %s\n want %s", args, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	for args, want := range map[string]string{
		`{"zone":"Atlantis"}`:                      "there is no time zone Atlantis",
		`{"zone":"/"}`:                             "there is no time zone /",
		`{"zone":"   "}`:                           "there is no time zone",
		`{"operation":"sleep"}`:                    "there is no operation sleep",
		`{"operation":"add"}`:                      "nothing to add",
		`{"operation":"add","years":9000}`:         "the result is outside the years",
		`{"operation":"add","days":99999999}`:      "days go from",
		`{"operation":"add","years":-9999999}`:     "the result is outside the years",
		`{"operation":"convert","time":"soon"}`:    "this is no time: soon",
		`{"operation":"convert","toZone":"X"}`:     "there is no time zone X",
		`{"operation":"difference","until":"25h"}`: "this is no time: 25h",
		`{"time":"2026-02-30"}`:                    "this is no time: 2026-02-30",
	} {
		if got, failed := invoke(t, args, now, ""); !failed || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q (failed %t), want %q", args, got, failed, want)
		}
	}
	if got, _ := invoke(t, `{}`, now, ""); got != "It is 14:00 on Tuesday, 3 March 2026 in UTC (UTC+00:00)." {
		t.Errorf("without an owner's zone: %s", got)
	}
}

// Rules that a line cannot say: summer time by the moon.
var byTheMoon = map[string]bool{"Africa/Casablanca": true, "Africa/El_Aaiun": true}

func TestZonesAgreeWithTheDatabase(t *testing.T) {
	file, err := os.Open("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		for _, zone := range strings.Fields(lines.Text())[1:] {
			if count++; byTheMoon[zone] {
				continue
			}
			compareZone(t, zone)
		}
	}
	if count < 500 {
		t.Errorf("only %d zones", count)
	}
}

func compareZone(t *testing.T, zone string) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	for day := time.Date(2026, 11, 1, 1, 30, 0, 0, time.UTC); day.Year() < 2028; day = day.AddDate(0, 0, 19) {
		got, _ := invoke(t, `{"zone":"`+zone+`"}`, day.UnixMilli(), "")
		want := "It is " + day.In(location).Format("15:04 on Monday, 2 January 2006") + " in " + zone + " (" + day.In(location).Format("UTC-07:00") + ")."
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
			return
		}
	}
}
