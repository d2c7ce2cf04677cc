module github.com/carapace-gateway/carapace/.ci/feishu

go 1.26.0

replace github.com/carapace-gateway/carapace => ../..

require (
	github.com/carapace-gateway/carapace v0.0.0-00010101000000-000000000000
	github.com/larksuite/oapi-sdk-go/v3 v3.5.3
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
)
