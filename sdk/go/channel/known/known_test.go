package known_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

func TestList(t *testing.T) {
	var list known.List
	list = list.With(known.Entry{ID: "a"}).With(known.Entry{ID: "b", Name: "Bea"}).With(known.Entry{ID: "c", Person: "a"})
	before := string(list.JSON())
	again := list.With(known.Entry{ID: "a", Name: "Ada"}).Seen("b")
	if got := string(again.JSON()); got != `[{"id":"a","name":"Ada"},{"id":"c","person":"a"},{"id":"b","name":"Bea"}]` {
		t.Error(got)
	}
	if string(list.JSON()) != before {
		t.Errorf("a list was changed: %s", list.JSON())
	}
	v, err := json.Parse(again.JSON())
	if read := known.Read(v); err != nil || string(read.JSON()) != string(again.JSON()) {
		t.Errorf("%v %s", err, read.JSON())
	}
	if e, ok := again.Find("a"); !ok || e.Name != "Ada" {
		t.Errorf("%+v", e)
	}
	if _, ok := again.Find("d"); ok || string(again.Seen("d").JSON()) != string(again.JSON()) {
		t.Error("somebody is known who is not")
	}
}

func TestBounds(t *testing.T) {
	var list known.List
	for _, e := range []known.Entry{{}, {ID: strings.Repeat("x", known.MaxID+1)}, {ID: "x", Person: strings.Repeat("x", known.MaxID+1)}} {
		if list = list.With(e); len(list) != 0 {
			t.Errorf("%+v is remembered", e)
		}
	}
	list = list.With(known.Entry{ID: "long", Name: strings.Repeat("ä", known.MaxName)})
	if e, _ := list.Find("long"); e.Name != strings.Repeat("ä", known.MaxName/2) {
		t.Errorf("%+v", e)
	}
	for i := range known.Max {
		list = list.With(known.Entry{ID: fmt.Sprint(i)})
	}
	if _, ok := list.Find("long"); ok || len(list) != known.Max || list[known.Max-1].ID != fmt.Sprint(known.Max-1) {
		t.Errorf("%d are remembered", len(list))
	}
}
