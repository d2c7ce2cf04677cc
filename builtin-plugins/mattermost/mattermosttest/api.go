package mattermosttest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is why a request is refused ("Errors").
type apiError struct {
	ID            string `json:"id"`
	Message       string `json:"message"`
	DetailedError string `json:"detailed_error"`
	RequestID     string `json:"request_id"`
	StatusCode    int    `json:"status_code"`
}

func (e *apiError) Error() string { return e.Message }

func refuse(status int, id, message string) error {
	return &apiError{ID: id, Message: message, StatusCode: status}
}

var (
	errPermissions = refuse(403, "api.context.permissions.app_error", "You do not have the appropriate permissions.")
	errNoPost      = refuse(404, "app.post.get.app_error", "Unable to get the post.")
	errNoChannel   = refuse(404, "app.channel.get.existing.app_error", "Unable to find the existing channel.")
	errNoUser      = refuse(404, "app.user.missing_account.const", "Unable to find the user.")
)

// request is one that somebody makes, with the lock held.
type request struct {
	*http.Request
	user string
	body []byte
}

// read reads the body.
func (r *request) read(v any) error {
	if json.Unmarshal(r.body, v) != nil {
		return refuse(400, "api.context.invalid_body_param.app_error", "Invalid or missing parameter in request body.")
	}
	return nil
}

// status is an answer with another status than 200.
type status struct {
	code int
	v    any
}

var statusOK = map[string]string{"status": "OK"}

// routes are the endpoints.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*request) (any, error){
		"GET /users":                s.users,
		"GET /users/{id}":           s.user,
		"POST /users/ids":           s.usersByIDs,
		"POST /users/search":        s.searchUsers,
		"GET /users/{id}/channels":  s.channelsOf,
		"POST /users/{id}/typing":   s.typing,
		"GET /channels/{id}":        s.channel,
		"POST /channels/direct":     s.openDirect,
		"GET /channels/{id}/posts":  s.posts,
		"POST /posts":               s.createPost,
		"GET /posts/{id}":           s.post,
		"PUT /posts/{id}/patch":     s.patchPost,
		"DELETE /posts/{id}":        s.deletePost,
		"GET /posts/{id}/reactions": s.reactionsOf,
		"POST /reactions":           s.react,
		"DELETE /users/{id}/posts/{post}/reactions/{name}": s.unreact,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/v4"+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, handle) })
	}
	mux.HandleFunc("GET /api/v4/websocket", s.serveSocket)
	mux.HandleFunc("GET /api/v4/config/client", s.clientConfig)
	mux.HandleFunc("GET /api/v4/system/ping", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, statusOK) })
	mux.HandleFunc("POST /api/v4/files", s.serveUpload)
	mux.HandleFunc("GET /api/v4/files/{id}", s.serveFile)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 404, apiError{ID: "api.context.404.app_error", Message: "Sorry, we could not find the page.", StatusCode: 404})
	})
	return mux
}

// userOf is who makes a request, "" for nobody.
func (s *Server) userOf(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") && !strings.EqualFold(kind, "Token") {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.tokens[token]
}

// serve handles a request of somebody.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, handle func(*request) (any, error)) {
	made := &request{Request: r, user: s.userOf(r), body: web.Body(r.Body)}
	if made.user == "" {
		writeError(w, refuse(401, "api.context.session_expired.app_error", "Invalid or expired session, please login again."))
		return
	}
	s.mu.Lock()
	out, err := handle(made)
	s.mu.Unlock()
	s.Raise()
	if err != nil {
		writeError(w, err)
		return
	}
	code := 200
	if st, ok := out.(status); ok {
		code, out = st.code, st.v
	}
	writeJSON(w, code, out)
}

// clientConfig is the part of the server's settings that clients need; who is not logged in gets less of it.
func (s *Server) clientConfig(w http.ResponseWriter, r *http.Request) {
	out := map[string]string{"Version": version, "SiteName": "Mattermost"}
	if s.userOf(r) != "" {
		out["MaxPostSize"], out["MaxFileSize"] = itoa(s.cfg.MaxPost), itoa(s.cfg.MaxFile)
	}
	writeJSON(w, 200, out)
}

func writeError(w http.ResponseWriter, err error) {
	e, ok := err.(*apiError)
	if !ok {
		e = &apiError{ID: "test", Message: err.Error(), StatusCode: 500}
	}
	writeJSON(w, e.StatusCode, e)
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		code, body = 500, []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Version-Id", version)
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
