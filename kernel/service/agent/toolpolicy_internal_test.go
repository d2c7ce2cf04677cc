package agent

import "testing"

func TestToolPolicy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow, deny []string
		name        string
		want        bool
	}{
		{nil, nil, "x", true}, {[]string{}, nil, "x", false}, {[]string{"x"}, nil, "x", true}, {[]string{"x"}, nil, "xy", false},
		{[]string{"*"}, []string{"x"}, "x", false}, {[]string{"mail*"}, nil, "mail_send", true}, {[]string{"mail*"}, nil, "email", false},
		{nil, []string{"*_delete"}, "mail_delete", false}, {nil, []string{"*_delete"}, "mail_deleted", true},
		{[]string{"a*b*c"}, nil, "axbxc", true}, {[]string{"a*b*c"}, nil, "axcxb", false}, {[]string{"ab*ba"}, nil, "aba", false}, {[]string{"a**b"}, nil, "ab", true},
	} {
		if got := (ToolPolicy{c.allow, c.deny}).permits(c.name); got != c.want {
			t.Errorf("allow %q deny %q: %s is %v", c.allow, c.deny, c.name, got)
		}
	}
	if (Settings{Agents: []Agent{{ID: "main"}}}).Agent("gone").Tools.permits("x") {
		t.Error("an agent that there is not may use a tool")
	}
}
