package menu_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

func TestRead(t *testing.T) {
	lines, err := json.ParseText(`["ask: Ask me: anything","/New","new: again","bad name!","über: x","",": y","` + strings.Repeat("n", 33) + `: long","long: ` + strings.Repeat("x", 130) + `",7]`)
	if err != nil {
		t.Fatal(err)
	}
	want := []menu.Command{{"ask", "Ask me: anything"}, {"new", "new"}, {"long", strings.Repeat("x", 100)}}
	got := menu.Read(lines)
	if len(got) != 4 || got[3].Name != "7" || !slices.Equal(got[:3], want) {
		t.Errorf("read %q", got)
	}
	if list := menu.Read(json.Value{}); list != nil {
		t.Errorf("read %q of nothing", list)
	}
	many := json.Array{}
	for i := range 60 {
		many = many.Add(json.Text("a" + strconv.Itoa(i) + ": b"))
	}
	if lines, err = json.Parse(many.JSON()); err != nil || len(menu.Read(lines)) != 50 {
		t.Errorf("read %d commands: %v", len(menu.Read(lines)), err)
	}
}

func TestPrint(t *testing.T) {
	if a, b := menu.Print("1", "list"), menu.Print("2", "list"); a == b || a != menu.Print("1", "list") {
		t.Errorf("prints %q and %q", a, b)
	}
}
