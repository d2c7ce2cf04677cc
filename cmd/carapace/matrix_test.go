package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/kernel/config"
)

// loginCall is a login as docs/matrix.md shows it.
var loginCall = regexp.MustCompile(`^curl https://matrix\.example\.org(/\S+) -d '(.*)'\n$`)

// TestMatrixPage does what docs/matrix.md says, in order, as somebody new does: a token, the account, a room, a pairing, and a
// message that opens a room.
func TestMatrixPage(t *testing.T) {
	state := stateDir(t)
	server := matrixtest.New(matrixtest.Config{Name: "example.org"})
	root, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	bot, you := server.Register("bot", "Bot"), server.Register("you", "You")
	serve(t, state)
	bin, ran, code := path(t), 0, ""
	for _, b := range blocks(t, "docs/matrix.md") {
		switch {
		case b.language == "sh" && b.kind == "login":
			t.Setenv("MATRIX_TOKEN", matrixToken(t, root, b.text))
		case b.language == "json":
			if c, err := config.Parse([]byte(b.text)); err != nil || len(c.Channels["matrix"].Accounts["default"].Groups) != 1 {
				t.Errorf("%v: %s", err, b.text)
			}
		case b.language == "console" && strings.Contains(b.text, "pairing"):
			room := you.CreateRoom(matrixtest.RoomOptions{Name: "Me and the bot", Invite: []string{bot.ID}})
			you.Say(room, "hello")
			await(t, "the code", func() bool {
				for _, m := range server.Shown(room) {
					if found := regexp.MustCompile(`approve matrix (\S+)`).FindStringSubmatch(m.Text); found != nil {
						code = strings.Trim(found[1], "`.")
					}
				}
				return code != ""
			})
			ran += play(t, state, bin, b.text, strings.NewReplacer("CODE", code))
			you.Say(room, "what is 3*4?")
			await(t, "the answer", func() bool {
				return slices.ContainsFunc(server.Shown(room), func(m matrixtest.Shown) bool { return m.Sender == bot.ID && strings.Contains(m.Text, "12") })
			})
			you.Leave(room)
		case b.language == "console":
			ran += play(t, state, bin, b.text, strings.NewReplacer("https://matrix.example.org", root))
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran != 4 {
		t.Errorf("%d commands", ran)
	}
	server.Fail(matrixtest.Fault{Call: "versions", Times: 9, Status: 404, Body: "no"}, matrixtest.Fault{Call: "well_known", Times: 9, Body: `{"m.homeserver":{"base_url":"https://api.example.org"}}`})
	if r := carapace(t, state, "setup", "matrix", "--account", "second", "--set", "homeserver="+root, "--secret", "accessToken=env:MATRIX_TOKEN"); r.code == 0 || !strings.Contains(r.err, "set homeserver to https://api.example.org") {
		t.Errorf("where there is no server: %d %s%s", r.code, r.out, r.err)
	}
	rooms := server.Rooms(bot.ID)
	if last := rooms[len(rooms)-1]; !slices.ContainsFunc(server.Shown(last), func(m matrixtest.Shown) bool { return m.Text == "Hello!" }) {
		t.Errorf("nobody reads Hello! in %q", rooms)
	}
}

// matrixToken logs in as the page says.
func matrixToken(t *testing.T, root, shown string) string {
	t.Helper()
	call := loginCall.FindStringSubmatch(shown)
	if call == nil {
		t.Fatalf("the page logs in by %s", shown)
	}
	res, err := http.Post(root+call[1], "application/x-www-form-urlencoded", strings.NewReader(strings.Replace(call[2], "the bot’s password", "bot", 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var in struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&in); err != nil || in.Token == "" {
		t.Fatalf("%d %v", res.StatusCode, err)
	}
	return in.Token
}
