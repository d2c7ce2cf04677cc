package setting_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/setting"
)

func TestAddresses(t *testing.T) {
	fields := map[string]string{"root": "https://login.example.org/", "tenant": "contoso", "odd": "../a b?c#{tenant}", "up": "..", "url": "https://login.example.org/{tenant}/token"}
	of := func(field string) string { return fields[field] }
	for address, want := range map[string][2]string{
		"https://a.example/x":                     {"https://a.example/x", ""},
		"config:root":                             {"https://login.example.org/", ""},
		"config:url":                              {"https://login.example.org/contoso/token", ""},
		"https://a.example/{tenant}/{tenant}":     {"https://a.example/contoso/contoso", ""},
		"https://a.example/{odd}":                 {"https://a.example/..%2Fa%20b%3Fc%23%7Btenant%7D", ""},
		"https://a.example/{up}/x":                {"https://a.example/%2E%2E/x", ""},
		"config:root/v1/{tenant}":                 {"https://login.example.org/v1/contoso", ""},
		"config:none/v1":                          {"", "none"},
		"config:none":                             {"", "none"},
		"https://a.example/{tenant":               {"https://a.example/{tenant", ""},
		"https://a.example/{odd}/{tenant}/{none}": {"", "none"},
	} {
		if url, missing := setting.Address(address, of); url != want[0] || missing != want[1] {
			t.Errorf("%s: %q, missing %q", address, url, missing)
		}
	}
}

func TestTexts(t *testing.T) {
	of := func(field string) string { return "<" + field + ">" }
	if a, b := setting.Text("config:x", of), setting.Text("x", of); a != "<x>" || b != "x" {
		t.Errorf("%s %s", a, b)
	}
	if got := setting.Fields("/{a}/{b}/{a}/{"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
}
