package matrixtest

import "net/http"

// mux has the calls, each with the name by which faults and the journal know it.
func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	open := func(pattern, name string, h handler) { m.HandleFunc(pattern, s.open(name, h)) }
	guarded := func(pattern, name string, h handler) { m.HandleFunc(pattern, s.guarded(name, h)) }
	const v3 = "/_matrix/client/v3"
	open("GET /_matrix/client/versions", "versions", versions)
	open("GET "+v3+"/login", "flows", flows)
	open("POST "+v3+"/login", "login", login)
	guarded("POST "+v3+"/logout", "logout", logout)
	guarded("GET "+v3+"/account/whoami", "whoami", whoami)
	guarded("GET "+v3+"/profile/{user}", "profile", profile)
	guarded("GET "+v3+"/profile/{user}/displayname", "profile", profile)
	guarded("GET "+v3+"/user/{user}/account_data/{type}", "account_data", getData)
	guarded("PUT "+v3+"/user/{user}/account_data/{type}", "account_data", putData)
	guarded("POST "+v3+"/user/{user}/filter", "filter", addFilter)
	guarded("GET "+v3+"/user/{user}/filter/{filter}", "filter", getFilter)
	guarded("POST "+v3+"/user_directory/search", "search", searchUsers)
	guarded("GET "+v3+"/directory/room/{alias}", "alias", resolveAlias)
	guarded("GET "+v3+"/capabilities", "capabilities", capabilities)

	guarded("GET "+v3+"/sync", "sync", syncCall)
	guarded("GET "+v3+"/joined_rooms", "joined_rooms", joinedRooms)
	guarded("POST "+v3+"/createRoom", "createRoom", createRoom)
	guarded("POST "+v3+"/join/{room}", "join", joinRoom)
	guarded("POST "+v3+"/rooms/{room}/join", "join", joinRoom)
	guarded("POST "+v3+"/rooms/{room}/{change}", "membership", changeMember)
	guarded("GET "+v3+"/rooms/{room}/joined_members", "joined_members", joinedMembers)
	guarded("GET "+v3+"/rooms/{room}/members", "members", allMembers)
	guarded("GET "+v3+"/rooms/{room}/state", "state", allState)
	guarded("GET "+v3+"/rooms/{room}/state/{type}", "state", getState)
	guarded("GET "+v3+"/rooms/{room}/state/{type}/{$}", "state", getState)
	guarded("GET "+v3+"/rooms/{room}/state/{type}/{key}", "state", getState)
	guarded("PUT "+v3+"/rooms/{room}/state/{type}", "set_state", putState)
	guarded("PUT "+v3+"/rooms/{room}/state/{type}/{$}", "set_state", putState)
	guarded("PUT "+v3+"/rooms/{room}/state/{type}/{key}", "set_state", putState)
	guarded("GET "+v3+"/rooms/{room}/messages", "messages", messages)
	guarded("GET "+v3+"/rooms/{room}/event/{event}", "event", getEvent)
	guarded("GET /_matrix/client/v1/rooms/{room}/relations/{event}/{rel}/{type}", "relations", relations)
	guarded("GET /_matrix/client/v1/rooms/{room}/relations/{event}/{rel}", "relations", relations)

	guarded("PUT "+v3+"/rooms/{room}/send/{type}/{txn}", "send", send)
	guarded("PUT "+v3+"/rooms/{room}/redact/{event}/{txn}", "redact", redact)
	guarded("PUT "+v3+"/rooms/{room}/typing/{user}", "typing", putTyping)
	guarded("POST "+v3+"/rooms/{room}/receipt/{kind}/{event}", "receipt", putReceipt)

	guarded("GET /_matrix/client/v1/media/config", "media_config", mediaConfig)
	guarded("POST /_matrix/media/v3/upload", "upload", upload)
	guarded("GET /_matrix/client/v1/media/download/{server}/{id}", "download", download)
	guarded("GET /_matrix/client/v1/media/download/{server}/{id}/{name}", "download", download)
	open("GET /_matrix/media/v3/download/{server}/{id}", "download", oldDownload)
	open("GET /.well-known/matrix/client", "well_known", func(*call) (any, error) { return nil, notFound("Not found") })
	open("/", "unknown", func(*call) (any, error) {
		return nil, &apiError{status: 404, code: "M_UNRECOGNIZED", words: "Unrecognized request"}
	})
	return m
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }
