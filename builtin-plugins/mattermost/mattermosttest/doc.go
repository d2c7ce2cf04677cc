// Package mattermosttest is a Mattermost server for tests: as much of its REST API and its websocket, version 4, as a bot account and the
// people who write to it need (developers.mattermost.com/api-documentation). Go methods have people write, edit, react, press buttons and
// give slash commands, and say what the bot has done.
//
// It keeps to what the documentation says of permissions, of posts that are sent twice (pending_post_id, for half a minute), of
// connections that go on where they broke off (connection_id, sequence_number, the last 128 events), and of errors, which have an id and a
// status. Faults can take the place of an answer. The vendor's own client library accepts it: see .ci/mattermost.
package mattermosttest
