module github.com/carapace-gateway/carapace/.ci/feishu

go 1.26.0

replace github.com/carapace-gateway/carapace => ../..

require (
	github.com/carapace-gateway/carapace v0.0.0-00010101000000-000000000000
	github.com/larksuite/oapi-sdk-go/v3 v3.5.3
)
