//! That the gateway for tests does what the gateway does, for `zig test test_gateway.zig`.

const std = @import("std");
const carapace = @import("carapace.zig");
const gateway = @import("carapace_test.zig");

const host = carapace.host;
const expectEqual = std.testing.expectEqual;
const expectEqualStrings = std.testing.expectEqualStrings;

fn refused(answer: anytype, code: carapace.Code, message: []const u8) !void {
    try std.testing.expectError(error.Failed, answer);
    try expectEqual(code, carapace.failure.?.code);
    try expectEqualStrings(message, carapace.failure.?.message);
}

test "records are kept" {
    gateway.reset();
    gateway.kv.set("c", "3");
    for ([_][2][]const u8{ .{ "b:2", "two \"2\"" }, .{ "b:1", "old" }, .{ "b:1", "" } }) |entry|
        _ = try host.kvPut(.{ .key = entry[0], .value = entry[1] });
    try expectEqualStrings("two \"2\"", (try host.kvGet(.{ .key = "b:2" })).value.?);
    try expectEqualStrings("", (try host.kvGet(.{ .key = "b:1" })).value.?);
    const keys = (try host.kvKeys(.{ .prefix = "b:" })).keys;
    try expectEqual(2, keys.len);
    try expectEqualStrings("b:1", keys[0]);
    try expectEqual(1, (try host.kvKeys(.{ .limit = 1 })).keys.len);
    _ = try host.kvDelete(.{ .key = "c" });
    try expectEqual(null, (try host.kvGet(.{ .key = "c" })).value);
    try expectEqual(null, gateway.kv.get("c"));
}

/// Says what was asked of it.
fn mirror(request: carapace.HttpRequest) anyerror!carapace.HttpResponse {
    return .{ .text = try carapace.print("{s} {s} {s} {s} {s}{s}", .{
        request.method,
        request.url,
        gateway.header(request, "x-a"),
        gateway.header(request, "authorization"),
        request.text orelse "",
        if (request.json) |body| try carapace.write(body) else "",
    }) };
}

test "credentials are filled in where the gateway does it" {
    gateway.reset();
    const secret = "{{credential:key}}";
    var request: carapace.HttpRequest = .{
        .url = "http://a/" ++ secret ++ "?q=" ++ secret,
        .headers = &.{.{ .name = "X-A", .value = secret ++ "{{credential:no name}}" }},
        .text = secret,
    };
    try refused(host.httpRequest(request), .forbidden, "the test's gateway has no http");
    gateway.http = mirror;
    try refused(host.httpRequest(request), .unauthorized, "this credential is not set: key");
    gateway.credentials.set("key", "s3cret");
    const own = "GET http://a/s3cret?q=" ++ secret ++ " s3cret{{credential:no name}} ";
    try expectEqualStrings(own ++ " " ++ secret, (try host.httpRequest(request)).text.?);
    request.basic = .{ .user = "ann", .password = "key" };
    try expectEqualStrings(own ++ "Basic YW5uOnMzY3JldA== " ++ secret, (try host.httpRequest(request)).text.?);
    request.basic = null;
    request.fill = true;
    const all = "GET http://a/s3cret?q=s3cret s3cret{{credential:no name}}  ";
    try expectEqualStrings(all ++ "s3cret", (try host.httpRequest(request)).text.?);
    request.text = null;
    request.json = try carapace.json.from(.{ .key = secret });
    try expectEqualStrings(all ++ "{\"key\":\"s3cret\"}", (try host.httpRequest(request)).text.?);
    try expectEqual(200, (try gateway.exchange(request)).status);
    try expectEqual(true, (try host.credentialHas(.{ .name = "key" })).present);
    try expectEqual(false, (try host.credentialHas(.{ .name = "other" })).present);
}

test "configuration and files are what was set" {
    gateway.reset();
    try expectEqualStrings("{}", try carapace.write((try host.configGet(.{})).value));
    try refused(host.configGet(.{ .account = "home" }), .not_found, "there is no account home");
    gateway.config = try carapace.json.from(.{ .city = "Ulm" });
    gateway.accounts.set("home", try carapace.json.from(.{ .a = 1 }));
    try expectEqualStrings("{\"city\":\"Ulm\"}", try carapace.write((try host.configGet(.{})).value));
    try expectEqualStrings("{\"a\":1}", try carapace.write((try host.configGet(.{ .account = "home" })).value));
    gateway.media.set("m1", .{ .mime = "image/png", .size = 3 });
    const info = try host.mediaStat(.{ .media = "m1" });
    try expectEqualStrings("m1", info.media);
    try expectEqual(3, info.size);
    try expectEqualStrings("https://gateway.test/media/m1", (try host.mediaLink(.{ .media = "m1", .within = 1 })).url);
    try refused(host.mediaLink(.{ .media = "m2", .within = 1 }), .not_found, "there is no file m2");
}

fn agents(name: []const u8, _: carapace.Json) anyerror!carapace.Json {
    return carapace.json.from(.{ .run = name });
}

test "what is asked for is noted" {
    gateway.reset();
    try expectEqual(7, (try host.scheduleSet(.{ .id = "j", .at = 7 })).next.?);
    try expectEqualStrings("plugin:test:k", (try host.messageSend(.{ .idempotency_key = "k" })).delivery);
    _ = try host.emitPublish(.{ .name = "done" });
    carapace.log(.info, "counted {d}", .{2});
    try expectEqualStrings("done", (try gateway.asked("emit_publish", carapace.EmittedEvent)).?.name);
    try expectEqualStrings("counted 2", (try gateway.asked("log_write", carapace.LogLine)).?.message);
    try expectEqualStrings("j", (try gateway.asked("schedule_set", carapace.ScheduledJob)).?.id);
    try expectEqual(4, gateway.calls.items.len);
    try refused(host.agentRun(.{}), .not_found, "the test's gateway knows no agent_run");
    gateway.more = agents;
    try expectEqualStrings("agent_run", (try host.agentRun(.{})).run);
    gateway.reset();
    try expectEqual(null, try gateway.asked("agent_run", carapace.AgentRequest));
}
