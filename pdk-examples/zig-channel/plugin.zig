//! A plugin that bridges a chat server by long poll. What the server understands stands in ../go-channel/toychat.

const std = @import("std");
const carapace = @import("carapace.zig");

const json = carapace.json;

comptime {
    carapace.plugin(.{ .channel_event = event, .channel_send = send });
}

/// Is pure: it says what to do, and the gateway does it once messages and state are committed. The state is the number of
/// the last message, which is all that it takes to go on after a crash.
fn event(e: carapace.ChannelEvent) !carapace.ChannelAnswer {
    var answer: carapace.ChannelAnswer = .{};
    var last = json.int(e.state); // there is none at first
    switch (e.kind) {
        .start, .timer => {},
        .response => {
            const list = received(e.response.?) catch return failed(carapace.failure.?);
            const messages = try carapace.allocator().alloc(carapace.Message, json.items(list).len);
            for (messages, json.items(list)) |*message, item| {
                const from = json.string(json.get(item, "from"));
                last = json.int(json.get(item, "number"));
                message.* = .{
                    .id = try carapace.print("{d}", .{last}),
                    .text = json.string(json.get(item, "text")),
                    .conversation = .{ .id = from },
                    .sender = .{ .id = from },
                };
            }
            answer.messages = messages;
            answer.status = .{ .state = .connected };
        },
        else => return answer,
    }
    answer.state = .{ .integer = last };
    answer.requests = try carapace.list(carapace.HttpRequest, &.{try request(e.config, "GET", try carapace.print("/messages?after={d}", .{last}))});
    return answer;
}

/// The value in a good response.
fn received(response: carapace.HttpResponse) !carapace.Json {
    if (response.@"error") |reason| return carapace.failWith(reason);
    if (response.status == 401) return carapace.fail(.unauthorized, "the server does not know the token: set another");
    if (response.status != 200) return carapace.failWith(.{
        .code = .unavailable,
        .message = try carapace.print("the server answered {d}: check the account's url", .{response.status}),
        .retryable = response.status == 429 or response.status >= 500,
    });
    return json.parse(response.text orelse "");
}

/// Shows the owner what is wrong and polls again in five seconds; a wrong token waits for another.
fn failed(reason: carapace.ErrorRecord) !carapace.ChannelAnswer {
    if (reason.code == .unauthorized) return .{ .status = .{ .state = .needs_login, .message = reason.message } };
    return .{
        .status = .{ .state = .disconnected, .message = reason.message },
        .timers = try carapace.list(carapace.Timer, &.{.{ .id = "again", .after = 5000 }}),
    };
}

/// Posts a message. The server knows a repeated one by its key.
fn send(s: carapace.ChannelSend) !carapace.Sent {
    var post = try request(s.config, "POST", "/messages");
    post.json = try json.from(.{ .to = s.to.id, .text = s.text, .key = s.idempotency_key });
    const number = json.int(try received(try carapace.host.httpRequest(post)));
    return .{ .ids = try carapace.list([]const u8, &.{try carapace.print("{d}", .{number})}) };
}

/// A request to the account's server, signed with its token.
fn request(config: carapace.Json, method: []const u8, path: []const u8) !carapace.HttpRequest {
    return .{
        .id = "poll",
        .method = method,
        .url = try carapace.print("{s}{s}", .{ json.string(json.get(config, "url")), path }),
        .headers = try carapace.list(carapace.Header, &.{.{ .name = "Authorization", .value = "Bearer {{credential:token}}" }}),
    };
}

const gateway = @import("carapace_test.zig"); // for tests alone

/// The chat server, which wants the account's token.
fn server(r: carapace.HttpRequest) anyerror!carapace.HttpResponse {
    if (!std.mem.eql(u8, gateway.header(r, "authorization"), "Bearer t0k3n")) return .{ .status = 401 };
    if (std.mem.eql(u8, r.method, "GET")) return .{ .text = "[]" };
    try std.testing.expectEqualStrings("{\"to\":\"ann\",\"text\":\"yes?\",\"key\":\"k1\"}", try carapace.write(r.json.?));
    return .{ .text = "3" };
}

test "it polls, takes in, and posts" {
    const config = try json.from(.{ .url = "http://toy" });
    var answer = try event(.{ .kind = .start, .config = config });
    try std.testing.expectEqualStrings("http://toy/messages?after=0", answer.requests[0].url);
    answer = try event(.{ .kind = .response, .config = config, .response = .{ .status = 200, .text =
        \\[{"number":8,"from":"ann","text":"\"hi\""}]
    } });
    try std.testing.expectEqualStrings("\"hi\"", answer.messages[0].text);
    try std.testing.expectEqualStrings("http://toy/messages?after=8", answer.requests[0].url);
    answer = try event(.{ .kind = .response, .config = config, .response = .{ .status = 502 } });
    try std.testing.expectEqual(5000, answer.timers[0].after);
    answer = try event(.{ .kind = .response, .config = config, .response = .{ .status = 401 } });
    try std.testing.expectEqual(carapace.ConnectionState.needs_login, answer.status.?.state);
    gateway.reset();
    gateway.http = server;
    try std.testing.expectError(error.Failed, send(.{ .config = config, .to = .{ .id = "ann" } }));
    gateway.credentials.set("token", "t0k3n");
    answer = try event(.{ .kind = .start, .config = config });
    const polled = try event(.{ .kind = .response, .config = config, .response = try gateway.exchange(answer.requests[0]) });
    try std.testing.expectEqual(carapace.ConnectionState.connected, polled.status.?.state);
    const sent = try send(.{ .config = config, .to = .{ .id = "ann" }, .text = "yes?", .idempotency_key = "k1" });
    try std.testing.expectEqualStrings("3", sent.ids[0]);
}
