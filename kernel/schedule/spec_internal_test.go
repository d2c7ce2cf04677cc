package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

const layout = "2006-01-02 15:04:05 -0700"

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Each row's times follow one another from the first.
func TestCron(t *testing.T) {
	for _, c := range []struct {
		name, expr, tz string
		times          []string
	}{
		{"every minute", "* * * * *", "UTC", []string{"2026-01-01 00:00:30 +0000", "2026-01-01 00:01:00 +0000", "2026-01-01 00:02:00 +0000"}},
		{"with seconds", "*/20 * * * * *", "UTC", []string{"2026-01-01 00:00:30 +0000", "2026-01-01 00:00:40 +0000", "2026-01-01 00:01:00 +0000"}},
		{"daily", "30 8 * * *", "Europe/Vienna", []string{"2026-01-01 08:30:00 +0100", "2026-01-02 08:30:00 +0100"}},
		{"yearly", "@yearly", "UTC", []string{"2026-01-01 00:00:00 +0000", "2027-01-01 00:00:00 +0000"}},
		{"annually", " @annually", "UTC", []string{"2026-01-01 00:00:00 +0000", "2027-01-01 00:00:00 +0000"}},
		{"monthly", "@monthly", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-02-01 00:00:00 +0000"}},
		{"weekly", "@weekly", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-04 00:00:00 +0000"}},
		{"midnight", "@midnight", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-02 00:00:00 +0000"}},
		{"hourly", "@hourly", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-01 01:00:00 +0000"}},
		{"where the machine is", "0 9 * * *", "", []string{"2026-01-01 00:00:00 +0000", "2026-01-01 09:00:00 +0100"}},
		{"each day, by a step", "0 9 */1 * 1", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-05 09:00:00 +0000", "2026-01-12 09:00:00 +0000"}},
		{"a range of one", "5-5 * * * *", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-01 00:05:00 +0000", "2026-01-01 01:05:00 +0000"}},
		{"each second day from sunday", "0 9 * * 7/2", "UTC", []string{"2026-01-02 00:00:00 +0000", "2026-01-03 09:00:00 +0000", "2026-01-04 09:00:00 +0000", "2026-01-06 09:00:00 +0000"}},
		{"descriptor", "@daily", "Asia/Tokyo", []string{"2026-01-01 08:30:00 +0900", "2026-01-02 00:00:00 +0900"}},
		{"weekdays", "0 9 * * mon-fri", "UTC", []string{"2026-01-02 09:00:00 +0000", "2026-01-05 09:00:00 +0000"}},
		{"sunday is 0", "0 9 * * 0", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-04 09:00:00 +0000"}},
		{"sunday is 7", "0 9 * * 7", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-04 09:00:00 +0000"}},
		{"range to sunday", "0 9 * * 6-7", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-03 09:00:00 +0000", "2026-01-04 09:00:00 +0000", "2026-01-10 09:00:00 +0000"}},
		{"day of month or of week", "0 0 13 * 5", "UTC", []string{"2026-01-08 00:00:00 +0000", "2026-01-09 00:00:00 +0000", "2026-01-13 00:00:00 +0000", "2026-01-16 00:00:00 +0000"}},
		{"leap day", "0 0 29 2 *", "UTC", []string{"2026-01-01 00:00:00 +0000", "2028-02-29 00:00:00 +0000", "2032-02-29 00:00:00 +0000"}},

		{"hour left out", "30 2 * * *", "Europe/Vienna", []string{"2026-03-28 02:30:00 +0100", "2026-03-29 03:30:00 +0200", "2026-03-30 02:30:00 +0200"}},
		{"hour left out, before it", "30 1 * * *", "Europe/Vienna", []string{"2026-03-28 01:30:00 +0100", "2026-03-29 01:30:00 +0100", "2026-03-30 01:30:00 +0200"}},
		{"hours over the one left out", "0 1-4 * * *", "Europe/Vienna", []string{"2026-03-29 01:00:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200", "2026-03-30 01:00:00 +0200"}},
		{"midnight left out", "0 0 * * *", "America/Havana", []string{"2026-03-07 00:00:00 -0500", "2026-03-08 01:00:00 -0400", "2026-03-09 00:00:00 -0400"}},
		{"every hour, one left out", "0 * * * *", "Europe/Vienna", []string{"2026-03-29 01:00:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 04:00:00 +0200"}},

		{"hour that comes twice", "30 2 * * *", "Europe/Vienna", []string{"2026-10-24 02:30:00 +0200", "2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"}},
		{"asked in its second pass", "30 2 * * *", "Europe/Vienna", []string{"2026-10-25 02:10:00 +0100", "2026-10-26 02:30:00 +0100"}},
		{"often in the hour that comes twice", "0,30 2 * * *", "Europe/Vienna", []string{"2026-10-25 02:00:00 +0200", "2026-10-25 02:30:00 +0200", "2026-10-26 02:00:00 +0100"}},
		{"every hour, one twice", "0 * * * *", "Europe/Vienna", []string{"2026-10-25 01:00:00 +0200", "2026-10-25 02:00:00 +0200", "2026-10-25 02:00:00 +0100", "2026-10-25 03:00:00 +0100"}},
		{"midnight left out, east", "30 0 * * *", "Africa/Cairo", []string{"2026-04-23 00:30:00 +0200", "2026-04-24 01:30:00 +0300", "2026-04-25 00:30:00 +0300"}},
		{"every hour of a day without midnight", "15 * 24 4 *", "Africa/Cairo", []string{"2026-04-23 22:00:00 +0200", "2026-04-24 01:15:00 +0300", "2026-04-24 02:15:00 +0300"}},
		{"every hour of a day without midnight, west", "15 * 8 3 *", "America/Havana", []string{"2026-03-07 22:00:00 -0500", "2026-03-08 01:15:00 -0400", "2026-03-08 02:15:00 -0400"}},
		{"every hour of a day with two midnights", "0 * 1 11 *", "America/Havana", []string{"2026-10-31 22:00:00 -0400", "2026-11-01 00:00:00 -0400", "2026-11-01 00:00:00 -0500", "2026-11-01 01:00:00 -0500"}},
		{"midnight comes twice", "0 0 * * *", "America/Havana", []string{"2026-10-31 22:00:00 -0400", "2026-11-01 00:00:00 -0400", "2026-11-02 00:00:00 -0500"}},
		{"last hour of the day comes twice", "45 23 * * *", "Asia/Beirut", []string{"2026-10-24 12:00:00 +0300", "2026-10-24 23:45:00 +0300", "2026-10-25 23:45:00 +0200"}},
		{"last hour of the day comes twice, every hour", "45 * 24 10 *", "Asia/Beirut", []string{"2026-10-24 22:50:00 +0300", "2026-10-24 23:45:00 +0300", "2026-10-24 23:45:00 +0200", "2027-10-24 00:45:00 +0300"}},
		{"hour left out, west", "30 2 * * *", "America/New_York", []string{"2026-03-07 02:30:00 -0500", "2026-03-08 03:30:00 -0400", "2026-03-09 02:30:00 -0400"}},
		{"hour that comes twice, west", "30 1 * * *", "America/New_York", []string{"2026-10-31 01:30:00 -0400", "2026-11-01 01:30:00 -0400", "2026-11-02 01:30:00 -0500"}},
		{"hour left out, south", "30 2 * * *", "Australia/Sydney", []string{"2026-10-03 02:30:00 +1000", "2026-10-04 03:30:00 +1100", "2026-10-05 02:30:00 +1100"}},
		{"hour that comes twice, south", "30 2 * * *", "Australia/Sydney", []string{"2026-04-04 02:30:00 +1100", "2026-04-05 02:30:00 +1100", "2026-04-06 02:30:00 +1000"}},
		{"each quarter of an hour through both", "*/15 * * * *", "America/New_York", []string{"2026-03-08 01:45:00 -0500", "2026-03-08 03:00:00 -0400", "2026-03-08 03:15:00 -0400"}},
		{"each half hour of one that comes twice", "*/30 * * * *", "America/New_York", []string{"2026-11-01 01:00:00 -0400", "2026-11-01 01:30:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 01:30:00 -0500", "2026-11-01 02:00:00 -0500"}},
		{"a day left out", "0 9 * * *", "Pacific/Apia", []string{"2011-12-29 09:00:00 -1000", "2011-12-31 09:00:00 +1400", "2012-01-01 09:00:00 +1400"}},
		{"where clocks never change", "30 2 * * *", "Asia/Kolkata", []string{"2026-03-28 02:30:00 +0530", "2026-03-29 02:30:00 +0530", "2026-03-30 02:30:00 +0530"}},
		{"a star written as a range", "0 0-23 * * *", "Europe/Vienna", []string{"2026-10-25 02:00:00 +0200", "2026-10-25 02:00:00 +0100"}},

		{"last day", "0 9 L * *", "UTC", []string{"2028-02-01 00:00:00 +0000", "2028-02-29 09:00:00 +0000", "2028-03-31 09:00:00 +0000"}},
		{"first and last day", "0 9 1,L * *", "UTC", []string{"2026-04-02 00:00:00 +0000", "2026-04-30 09:00:00 +0000", "2026-05-01 09:00:00 +0000"}},
		{"last weekday", "0 9 LW * *", "UTC", []string{"2026-01-02 00:00:00 +0000", "2026-01-30 09:00:00 +0000", "2026-02-27 09:00:00 +0000", "2026-03-31 09:00:00 +0000", "2026-04-30 09:00:00 +0000", "2026-05-29 09:00:00 +0000"}},
		{"weekday nearest to the first", "0 9 1W * *", "UTC", []string{"2026-07-15 00:00:00 +0000", "2026-08-03 09:00:00 +0000", "2026-09-01 09:00:00 +0000", "2026-10-01 09:00:00 +0000", "2026-11-02 09:00:00 +0000"}},
		{"weekday nearest to the last", "0 9 31W * *", "UTC", []string{"2026-05-02 00:00:00 +0000", "2026-05-29 09:00:00 +0000", "2026-07-31 09:00:00 +0000"}},
		{"fifth friday", "0 9 * * FRI#5", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-30 09:00:00 +0000", "2026-05-29 09:00:00 +0000"}},
		{"last sunday", "0 9 * * 7L", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-25 09:00:00 +0000", "2026-02-22 09:00:00 +0000"}},
		{"last sunday by name", "0 9 * * sun#l", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-25 09:00:00 +0000", "2026-02-22 09:00:00 +0000"}},
		{"last of five sundays", "0 9 * * 0L", "UTC", []string{"2026-05-01 00:00:00 +0000", "2026-05-31 09:00:00 +0000", "2026-06-28 09:00:00 +0000"}},
		{"first weekend", "0 9 * * SAT-SUN#1", "UTC", []string{"2026-07-25 00:00:00 +0000", "2026-08-01 09:00:00 +0000", "2026-08-02 09:00:00 +0000", "2026-09-05 09:00:00 +0000"}},
		{"last day or second friday", "0 9 L * 5#2", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-09 09:00:00 +0000", "2026-01-31 09:00:00 +0000"}},
		{"range over the hour", "58-1 12 * * *", "UTC", []string{"2026-01-01 12:01:30 +0000", "2026-01-01 12:58:00 +0000", "2026-01-01 12:59:00 +0000", "2026-01-02 12:00:00 +0000"}},
		{"range over the month", "0 9 30-2 * *", "UTC", []string{"2026-01-29 00:00:00 +0000", "2026-01-30 09:00:00 +0000", "2026-01-31 09:00:00 +0000", "2026-02-01 09:00:00 +0000", "2026-02-02 09:00:00 +0000", "2026-03-01 09:00:00 +0000"}},
		{"range over the year, with a step", "0 0 1 NOV-FEB/2 *", "UTC", []string{"2026-02-01 00:00:00 +0000", "2026-11-01 00:00:00 +0000", "2027-01-01 00:00:00 +0000", "2027-11-01 00:00:00 +0000"}},
		{"sunday to tuesday", "0 9 * * 7-2", "UTC", []string{"2026-01-01 00:00:00 +0000", "2026-01-04 09:00:00 +0000", "2026-01-05 09:00:00 +0000", "2026-01-06 09:00:00 +0000", "2026-01-11 09:00:00 +0000"}},
		{"leap day on a given day of the week", "0 0 29 2 ?", "UTC", []string{"2096-03-01 00:00:00 +0000", "2104-02-29 00:00:00 +0000"}},
		{"half an hour of change", "15 2 * * *", "Australia/Lord_Howe", []string{"2026-10-03 02:15:00 +1030", "2026-10-04 02:45:00 +1100", "2026-10-05 02:15:00 +1100"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := parseCron(c.expr, c.tz, zone(t, "Europe/Vienna"))
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(layout, c.times[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.times[1:] {
				at = e.next(at)
				if got := at.In(e.zone).Format(layout); got != want {
					t.Fatalf("%s, want %s", got, want)
				}
			}
		})
	}
}

func TestEvery(t *testing.T) {
	for _, c := range []struct{ every, anchor, added, after, want int64 }{
		{1000, 0, 500, 500, 1500},
		{1000, 0, 500, 1499, 1500},
		{1000, 0, 500, 1500, 2500},
		{1000, 0, 500, 987654, 988500},
		{1000, 5000, 500, 700, 5000},
		{1000, 5000, 500, 5000, 6000},
		{1000, 200, 500, 700, 1200},
	} {
		if got := (Spec{EveryMs: c.every, AnchorMs: c.anchor}).next(c.after, c.added, time.UTC); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestSpecCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		code wit.Code
	}{
		{"once", Spec{At: 1}, ""},
		{"every", Spec{EveryMs: 1000}, ""},
		{"cron", Spec{Cron: "0 9 * * 1-5", TZ: "America/New_York"}, ""},
		{"nothing", Spec{}, wit.CodeInvalid},
		{"two", Spec{At: 1, EveryMs: 1000}, wit.CodeInvalid},
		{"negative time", Spec{At: -1}, wit.CodeInvalid},
		{"a time in microseconds", Spec{At: 1767225600000000}, wit.CodeInvalid},
		{"negative interval", Spec{EveryMs: -1000}, wit.CodeInvalid},
		{"short interval", Spec{EveryMs: 999}, wit.CodeInvalid},
		{"long interval", Spec{EveryMs: 1 << 60}, wit.CodeInvalid},
		{"negative anchor", Spec{EveryMs: 1000, AnchorMs: -1}, wit.CodeInvalid},
		{"words", Spec{Cron: "every day"}, wit.CodeInvalid},
		{"four fields", Spec{Cron: "* * * *"}, wit.CodeInvalid},
		{"seven fields", Spec{Cron: "* * * * * * *"}, wit.CodeInvalid},
		{"out of range", Spec{Cron: "60 * * * *"}, wit.CodeInvalid},
		{"day 8", Spec{Cron: "0 0 * * 8"}, wit.CodeInvalid},
		{"step beyond the minutes", Spec{Cron: "*/90 * * * *"}, wit.CodeInvalid},
		{"step beyond the hours", Spec{Cron: "0 1-5/25 * * *"}, wit.CodeInvalid},
		{"step beyond the months", Spec{Cron: "0 0 1 */13 *"}, wit.CodeInvalid},
		{"step beyond the week", Spec{Cron: "0 0 * * */8"}, wit.CodeInvalid},
		{"longest step", Spec{Cron: "*/60 */24 */31 */12 */7"}, ""},
		{"step of nothing", Spec{Cron: "*/0 * * * *"}, wit.CodeInvalid},
		{"a good minute and a bad one", Spec{Cron: "1,60 * * * *"}, wit.CodeInvalid},
		{"a good day and a bad one", Spec{Cron: "0 0 1,32 * *"}, wit.CodeInvalid},
		{"a good day and day 0", Spec{Cron: "0 0 0,1 * *"}, wit.CodeInvalid},
		{"a good day and none nearest", Spec{Cron: "0 0 1,32W * *"}, wit.CodeInvalid},
		{"a good friday and a bad one", Spec{Cron: "0 0 * * 5,5#6"}, wit.CodeInvalid},
		{"a good friday and day 8", Spec{Cron: "0 0 * * 5,8#1"}, wit.CodeInvalid},
		{"a range to nowhere", Spec{Cron: "1-60 * * * *"}, wit.CodeInvalid},
		{"step of one", Spec{Cron: "*/1 * * * *"}, ""},
		{"step beyond all numbers", Spec{Cron: "*/99999999999999999999 * * * *"}, wit.CodeInvalid},
		{"never in any hour", Spec{Cron: "15 * 30 2 *", TZ: "Europe/Vienna"}, wit.CodeInvalid},
		{"sixth friday", Spec{Cron: "0 0 * * 5#6"}, wit.CodeInvalid},
		{"a number of every day", Spec{Cron: "0 0 * * #2"}, wit.CodeInvalid},
		{"last of no day", Spec{Cron: "0 0 * * L"}, wit.CodeInvalid},
		{"last hour", Spec{Cron: "0 L * * *"}, wit.CodeInvalid},
		{"nearest to no day", Spec{Cron: "0 0 W * *"}, wit.CodeInvalid},
		{"nearest to day 32", Spec{Cron: "0 0 32W * *"}, wit.CodeInvalid},
		{"negative", Spec{Cron: "-5 * * * *"}, wit.CodeInvalid},
		{"empty item", Spec{Cron: "1, * * * *"}, wit.CodeInvalid},
		{"31W of a month of 30 days", Spec{Cron: "0 0 31W 4 *"}, wit.CodeInvalid},
		{"never", Spec{Cron: "0 0 31 2 *"}, wit.CodeInvalid},
		{"interval as cron", Spec{Cron: "@every 5m"}, wit.CodeInvalid},
		{"zone in the expression", Spec{Cron: "CRON_TZ=UTC * * * * *"}, wit.CodeInvalid},
		{"zone alone", Spec{Cron: "TZ="}, wit.CodeInvalid},
		{"unknown zone", Spec{Cron: "* * * * *", TZ: "Mars/Base"}, wit.CodeInvalid},
		{"zone with a path", Spec{Cron: "* * * * *", TZ: "../../etc/passwd"}, wit.CodeInvalid},
		{"long", Spec{Cron: "0 0 * * " + string(make([]byte, 300))}, wit.CodeInvalid},
	} {
		if err := c.spec.check(time.Unix(1767225600, 0), time.UTC); wit.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want code %q", c.name, err, c.code)
		}
	}
}

// TestAdviceAboutCron: what is written elsewhere is said where it goes here.
func TestAdviceAboutCron(t *testing.T) {
	for expr, want := range map[string]string{
		"TZ=UTC 0 9 * * *": "give it as tz", "@every 5m": "is an interval", "* * * *": "it has 4 fields", "60 * * * *": "the minute cannot be \"60\": use 0 to 59",
		"": "it has 0 fields", "L": "it has 1 field: use five (minute, hour, day of month, month, day of week)", "* * L": "it has 3 fields",
		"L * * * *": `the minute cannot be "L": use 0 to 59; L, W and # belong to the days`, "0 L * * *": `the hour cannot be "L": use 0 to 23; L, W`,
		"L 0 0 * * *": `the second cannot be "L": use 0 to 59; L, W`, "0 15W * * *": `the hour cannot be "15W"`, "5#2 0 * * *": `the minute cannot be "5#2"`,
		"0 0 * L *": `the month cannot be "L": use 1 to 12, JAN to DEC`, "0 0 * JAN-L *": `the month cannot be "JAN-L"`,
		"0 0 L-3 * *": `the day of month cannot be "L-3": use 1 to 31, L for the last day, 15W for`, "0 0 W * *": `the day of month cannot be "W"`,
		"0 0 5L * *": `the day of month cannot be "5L"`, "0 0 5#2 * *": `the day of month cannot be "5#2"`, "0 0 32W * *": `the day of month cannot be "32W"`,
		"0 0 * * L": `the day of week cannot be "L": use 0 to 7, SUN to SAT, 5L for the month's last Friday, 5#2`, "0 0 * * 5W": `the day of week cannot be "5W"`,
		"0 0 * * #2": `the day of week cannot be "#2"`, "0 0 * * L#2": `the day of week cannot be "L#2"`, "0 0 * * 5#6": `the number after # cannot be "6": use 1 to 5`,
		"0 0 * * 8L": `the day of week cannot be "8L"`, "0 0 * * 1,,2": `the day of week cannot be ""`, "0 5- * * *": `the hour cannot be "5-"`,
	} {
		if _, err := parseCron(expr, "", time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// FuzzCron: no expression makes the parser panic, and a due time is always after the time asked.
func FuzzCron(f *testing.F) {
	for _, s := range []string{"* * * * *", "0 9 * * 1-7/2", "@daily", "TZ=", "*/0 * * * *", "1-0 * * * *", "0 2 * * *", "5-7", "0 0 31 * 7", "? ? ? ? ?", "0 0 L,LW,1W * 5#5,7L", "22-2/3 58-1 30-2 NOV-FEB FRI-MON"} {
		f.Add(s, int64(1774746000))
	}
	vienna := zone(f, "Europe/Vienna")
	f.Fuzz(func(t *testing.T, expr string, unix int64) {
		e, err := parseCron(expr, "", vienna)
		if err != nil {
			return
		}
		at := time.Unix(unix%4e9, 0)
		if next := e.next(at); !next.IsZero() && !next.After(at) {
			t.Errorf("%q: %v comes after %v", expr, next, at)
		}
	})
}

// The last few due times are those that counting them one by one finds, and are found as fast in a year of seconds.
func TestLatest(t *testing.T) {
	at := func(text string) int64 {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMilli()
	}
	for _, c := range []struct {
		spec       Spec
		first, end string
		n          int
	}{
		{Spec{EveryMs: 7_000}, "2026-01-01T00:00:07Z", "2026-01-01T01:00:00Z", 10},
		{Spec{EveryMs: 7_000}, "2026-01-01T00:00:07Z", "2026-01-01T00:01:00Z", 10},
		{Spec{Cron: "*/5 0-1 * * *"}, "2026-01-01T00:05:00Z", "2026-01-03T12:00:00Z", 30},
		{Spec{Cron: "30 2 * * *", TZ: "Europe/Vienna"}, "2026-03-26T01:30:00Z", "2026-04-02T00:30:00Z", 5},
		{Spec{Cron: "0 0 29 2 *"}, "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z", 1},
		{Spec{Cron: "0 9 * * *"}, "2026-01-01T09:00:00Z", "2026-01-05T09:00:00Z", 4},
		{Spec{At: at("2026-01-01T00:00:00Z")}, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", 3},
	} {
		first, end := at(c.first), at(c.end)
		var all []int64
		for due := first; due != 0 && due < end; due = c.spec.next(due, 0, time.UTC) {
			all = append(all, due)
		}
		want := all[max(0, len(all)-c.n)]
		added := first % 7_000
		if c.spec.EveryMs != 0 {
			all = nil
			for due := first; due < end; due = c.spec.next(due, added, time.UTC) {
				all = append(all, due)
			}
			want = all[max(0, len(all)-c.n)]
		}
		if got := c.spec.latest(first, end, c.n, added, time.UTC); got != want {
			t.Errorf("%+v: %v, want %v", c.spec, time.UnixMilli(got).UTC(), time.UnixMilli(want).UTC())
		}
	}
	year := Spec{Cron: "* * 0-1 1 1 *"}
	if got := year.latest(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), 100, 0, time.UTC); got != at("2026-01-01T01:58:20Z") {
		t.Errorf("the last hundred seconds of a dense hour begin at %v", time.UnixMilli(got).UTC())
	}
}
