package matrixtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

func versions(c *call) (any, error) {
	return Content{"versions": c.server.cfg.Versions, "unstable_features": Content{}}, nil
}

func capabilities(*call) (any, error) {
	return Content{"capabilities": Content{"m.room_versions": Content{"default": "11", "available": Content{"11": "stable"}}}}, nil
}

func flows(*call) (any, error) {
	return Content{"flows": []Content{{"type": "m.login.password"}}}, nil
}

// login takes a password ("Login", m.login.password).
func login(c *call) (any, error) {
	var in struct {
		Type       string `json:"type"`
		Identifier struct {
			Type, User string
		} `json:"identifier"`
		User     string `json:"user"`
		Password string `json:"password"`
		Device   string `json:"device_id"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.Type != "m.login.password" {
		return nil, badRequest("M_UNKNOWN", "Unknown login type "+in.Type)
	}
	id := in.Identifier.User
	if id == "" {
		id = in.User
	}
	if !strings.HasPrefix(id, "@") {
		id = "@" + id + ":" + c.server.cfg.Name
	}
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[id]
	if u == nil || u.password != in.Password {
		return nil, forbidden("Invalid username or password")
	}
	token := u.login(in.Device)
	return Content{"user_id": u.ID, "access_token": token, "device_id": u.tokens[token], "home_server": w.name}, nil
}

func logout(c *call) (any, error) {
	token, _ := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	c.server.World.mu.Lock()
	defer c.server.World.mu.Unlock()
	delete(c.user.tokens, token)
	return Content{}, nil
}

func whoami(c *call) (any, error) {
	return Content{"user_id": c.user.ID, "device_id": c.device, "is_guest": false}, nil
}

func profile(c *call) (any, error) {
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[c.PathValue("user")]
	if u == nil {
		return nil, notFound("Profile was not found")
	}
	if u.name == "" {
		return Content{}, nil
	}
	return Content{"displayname": u.name}, nil
}

// own checks that a call is about the caller.
func (c *call) own() error {
	if c.PathValue("user") != c.user.ID {
		return forbidden("Cannot do that for other users.")
	}
	return nil
}

func getData(c *call) (any, error) {
	if err := c.own(); err != nil {
		return nil, err
	}
	c.server.World.mu.Lock()
	defer c.server.World.mu.Unlock()
	found, ok := c.user.data[c.PathValue("type")]
	if !ok {
		return nil, notFound("Account data not found")
	}
	return found.content, nil
}

func putData(c *call) (any, error) {
	var content Content
	if err := c.own(); err != nil {
		return nil, err
	}
	if err := c.read(&content); err != nil {
		return nil, err
	}
	c.server.World.mu.Lock()
	defer c.server.World.mu.Unlock()
	c.user.data[c.PathValue("type")] = item{content, c.server.World.tick()}
	return Content{}, nil
}

func addFilter(c *call) (any, error) {
	if err := c.own(); err != nil {
		return nil, err
	}
	c.server.World.mu.Lock()
	defer c.server.World.mu.Unlock()
	c.user.filters = append(c.user.filters, string(c.body))
	return Content{"filter_id": strconv.Itoa(len(c.user.filters) - 1)}, nil
}

func getFilter(c *call) (any, error) {
	text, ok := c.user.filter(c.PathValue("filter"))
	if !ok {
		return nil, notFound("No such filter")
	}
	return json.RawMessage(text), nil
}

func (u *User) filter(id string) (string, bool) {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	i, err := strconv.Atoi(id)
	if err != nil || i < 0 || i >= len(u.filters) {
		return "", false
	}
	return u.filters[i], true
}

func searchUsers(c *call) (any, error) {
	var in struct {
		Term  string `json:"search_term"`
		Limit int    `json:"limit"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if in.Limit == 0 {
		in.Limit = 10
	}
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	found := []Content{}
	for _, u := range w.users {
		if u != c.user && strings.Contains(strings.ToLower(u.ID+" "+u.name), strings.ToLower(in.Term)) {
			found = append(found, Content{"user_id": u.ID, "display_name": u.name})
		}
	}
	slices.SortFunc(found, func(a, b Content) int { return strings.Compare(a["user_id"].(string), b["user_id"].(string)) })
	limited := len(found) > in.Limit
	return Content{"results": found[:min(len(found), in.Limit)], "limited": limited}, nil
}

func resolveAlias(c *call) (any, error) {
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	if id := w.alias[c.PathValue("alias")]; id != "" {
		return Content{"room_id": id, "servers": []string{w.name}}, nil
	}
	return nil, notFound("Room alias " + c.PathValue("alias") + " not found")
}
