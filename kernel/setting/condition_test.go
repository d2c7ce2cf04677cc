package setting_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

func TestConditions(t *testing.T) {
	conditions := []wit.SettingCondition{{Setting: "at", Values: []string{"home", "work"}}, {Setting: "other"}}
	for settings, want := range map[string]bool{
		``: true, `{}`: true, `{"at":"work","more":1}`: true,
		`{"at":"sea"}`: false, `{"at":1}`: false, `{"at":"home","other":""}`: false, `{`: false,
	} {
		if got := setting.Hold(conditions, wit.JSON(settings)); got != want {
			t.Errorf("%s: %v", settings, got)
		}
	}
	conditions[1].Values, conditions[1].Set = []string{"here"}, true
	for settings, want := range map[string]bool{``: false, `{"at":"home"}`: false, `{"other":"there"}`: false, `{"other":"here"}`: true} {
		if got := setting.Hold(conditions, wit.JSON(settings)); got != want {
			t.Errorf("%s, where one has to be set: %v", settings, got)
		}
	}
	if !setting.Hold(nil, wit.JSON(`{`)) {
		t.Error("what depends on nothing does not hold")
	}
}
