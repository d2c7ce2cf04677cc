module github.com/carapace-gateway/carapace/.ci/twilio

go 1.26.0

replace github.com/carapace-gateway/carapace => ../..

require (
	github.com/carapace-gateway/carapace v0.0.0-00010101000000-000000000000
	github.com/twilio/twilio-go v1.31.0
)

require (
	github.com/golang/mock v1.6.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
)
