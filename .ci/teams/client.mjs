// Speaks to the test server of the Bot Connector as a bot of Microsoft's library does: node client.mjs ROOT TOKEN CHAT CHANNEL, with
// an activity and the token that it came with on stdin.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import connector from "botframework-connector";

const [root, token, chat, channel] = process.argv.slice(2);
const { activity, bearer, app } = JSON.parse(readFileSync(0, "utf8"));
const { ConnectorClient, ChannelValidation, JwtTokenValidation, SimpleCredentialProvider } = connector;

// What the server posts is taken by the library's own checks: keys, endorsements, issuer, audience, service address.
ChannelValidation.OpenIdMetadataEndpoint = root + "/openid";
const provider = new SimpleCredentialProvider(app, "secret");
const identity = await JwtTokenValidation.authenticateRequest(activity, "Bearer " + bearer, provider, "");
assert.equal(identity.isAuthenticated, true);
await assert.rejects(JwtTokenValidation.authenticateRequest({ ...activity, serviceUrl: "https://evil.example/" }, "Bearer " + bearer, provider, ""));
await assert.rejects(JwtTokenValidation.authenticateRequest({ ...activity, channelId: "webchat" }, "Bearer " + bearer, provider, ""));

const credentials = {
  signRequest: async (request) => {
    request.headers.set("authorization", "Bearer " + token);
    return request;
  },
};
const { conversations } = new ConnectorClient(credentials, { baseUri: root + "/teams", noRetryPolicy: true });
const message = (text) => ({ type: "message", textFormat: "plain", text });

const sent = await conversations.sendToConversation(chat, message("hello"));
assert.match(sent.id, /^[0-9]+$/);
const reply = await conversations.replyToActivity(chat, activity.id, message("a reply"));
assert.notEqual(reply.id, sent.id);
await conversations.updateActivity(chat, sent.id, message("changed"));
await conversations.deleteActivity(chat, reply.id);
const begun = await conversations.createConversation({
  isGroup: true, bot: { id: "28:" + app }, channelData: { channel: { id: channel } }, activity: message("a thread"),
});
assert.equal(begun.id, channel + ";messageid=" + begun.activityId);
await conversations.sendToConversation(begun.id, { type: "typing" });
await assert.rejects(conversations.sendToConversation("a:nobody", message("x")), (e) => e.statusCode === 404 && e.code === "ConversationNotFound");
console.log("the library and the server agree");
