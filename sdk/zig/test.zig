//! What the SDK does, for `zig test test.zig`.

const std = @import("std");
const carapace = @import("carapace.zig");

const json = carapace.json;

fn tool(call: carapace.ToolInvocation) !carapace.ToolOutput {
    if (std.mem.eql(u8, call.name, "say")) {
        const args = call.args;
        return carapace.text(try carapace.print("{s}|{d}|{d}", .{ json.string(json.get(args, "text")), json.int(json.get(args, "int")), json.float(json.get(args, "float")) }));
    }
    if (std.mem.eql(u8, call.name, "count")) {
        const kept = try carapace.host.kvGet(.{ .key = "n" });
        const n = if (kept.value) |value| try std.fmt.parseInt(i64, value, 10) + 1 else 1;
        _ = try carapace.host.kvPut(.{ .key = "n", .value = try carapace.print("{d}", .{n}) });
        carapace.log(.info, "counted {d}", .{n});
        return carapace.text(try carapace.print("{d}", .{n}));
    }
    if (std.mem.eql(u8, call.name, "despite")) {
        if (carapace.host.kvGet(.{ .key = "n" })) |_| {} else |_| return carapace.failed(carapace.failure.?.message);
    }
    if (std.mem.eql(u8, call.name, "badly")) return error.Badly;
    return carapace.fail(.unavailable, try carapace.print("there is no {s}", .{call.name}));
}

fn event(e: carapace.ChannelEvent) !carapace.ChannelAnswer {
    var answer: carapace.ChannelAnswer = .{ .state = e.state };
    if (e.kind == .unknown) return answer;
    if (e.message) |m| {
        answer.frames = try carapace.list(carapace.Frame, &.{.{ .connection = m.connection, .text = m.text, .bytes = m.bytes }});
        answer.close = try carapace.list([]const u8, &.{ "a", m.connection });
    }
    if (e.closed) |closed| {
        answer.timers = try carapace.list(carapace.Timer, &.{.{ .id = closed.reason, .after = closed.reopens_after orelse -1 }});
        answer.reply = .{ .status = closed.code };
    }
    return answer;
}

fn hook(e: carapace.HookEvent) !carapace.HookDecision {
    if (e.name != .message_sending) return .{};
    const sending = try json.read(carapace.MessageSending, e.event);
    return .{ .modify = try json.from(.{ .text = try carapace.print("{s}!", .{sending.text}), .list = .{ -3, true } }) };
}

fn answers(comptime name: []const u8, comptime handler: anytype, input: []const u8, want: []const u8) !void {
    const out = carapace.call(name, handler, input) catch try carapace.write(carapace.failure.?);
    try std.testing.expectEqualStrings(want, out);
}

test "values arrive as they are" {
    try answers("tool_invoke", tool,
        \\{"name":"say","unknown":[{}],"args":{"text":"x","text":"d\u00e9j\u00e0 \ud83d\ude42 \"\\\/\n\u0001","int":"-9007199254740993","float":-1.5e3}}
    ,
        \\{"content":[{"kind":"text","text":"déjà 🙂 \"\\/\n\u0001|-9007199254740993|-1500"}]}
    );
    try answers("tool_invoke", tool,
        \\{"name":"say","args":null}
    ,
        \\{"content":[{"kind":"text","text":"|0|0"}]}
    );
    try answers("tool_invoke", tool,
        \\{"name":"say","args":{"text":123,"int":9223372036854775808,"float":0.125}}
    ,
        \\{"content":[{"kind":"text","text":"123|0|0.125"}]}
    );
    try std.testing.expectEqualStrings("{\"content\":[{\"kind\":\"text\",\"text\":\"\u{fffd}z\"}]}", try carapace.write(try carapace.text("\xffz")));
}

test "records go in and out" {
    inline for (.{ "", "AA==", "AAE=", "AAH/", "Kg==" }) |bytes| {
        try answers("channel_event", event,
            \\{"kind":"message","state":{"n":[null]},"message":{"connection":"c","bytes":"
        ++ bytes ++ "\"}}",
            \\{"state":{"n":[null]},"close":["a","c"],"frames":[{"connection":"c","bytes":"
        ++ bytes ++ "\"}]}");
    }
    try answers("channel_event", event,
        \\{"kind":"closed","closed":{"code":1006,"reason":"r","reopensAfter":5}}
    ,
        \\{"timers":[{"id":"r","after":5}],"reply":{"status":1006}}
    );
    try answers("channel_event", event,
        \\{"kind":"closed","closed":{"reason":"r","reopensAfter":null}}
    ,
        \\{"timers":[{"id":"r","after":-1}],"reply":{}}
    );
    try answers("channel_event", event, "{\"kind\":\"of tomorrow\",\"message\":null}", "{}");
    try answers("hook_handle", hook,
        \\{"name":"message_sending","event":{"text":"a\tb"}}
    ,
        \\{"modify":{"text":"a\tb!","list":[-3,true]}}
    );
    try answers("hook_handle", hook, "{\"name\":\"agent_end\"}", "{}");
}

test "what is of another kind is refused" {
    inline for (.{
        .{ "{\"name\":1}", "name: expected a string" },
        .{ "[]", "json: expected an object" },
        .{ "{\"name\":", "what is read is not JSON" },
        .{ "{\"args\":" ++ @as([64]u8, @splat('[')) ++ @as([64]u8, @splat(']')) ++ "}", "the JSON nests too deep" },
    }) |c| try answers("tool_invoke", tool, c[0], "{\"code\":\"invalid\",\"message\":\"" ++ c[1] ++ "\"}");
    inline for (.{
        .{ "{\"message\":{\"bytes\":\"?\"}}", "bytes: expected base64" },
        .{ "{\"closed\":{\"code\":70000}}", "code: expected a whole number that fits" },
        .{ "{\"closed\":{\"code\":-1}}", "code: expected a whole number that fits" },
        .{ "{\"closed\":{\"code\":1.5}}", "code: expected a whole number that fits" },
    }) |c| try answers("channel_event", event, c[0], "{\"code\":\"invalid\",\"message\":\"" ++ c[1] ++ "\"}");
}

var number: ?[]const u8 = null;
var logged: []const u8 = "";

fn gateway(name: []const u8, param: carapace.Json) anyerror!carapace.Json {
    if (std.mem.eql(u8, name, "kv_get")) return json.from(.{ .value = number });
    if (std.mem.eql(u8, name, "kv_put")) number = try std.heap.page_allocator.dupe(u8, json.string(json.get(param, "value")));
    if (std.mem.eql(u8, name, "log_write")) logged = try std.heap.page_allocator.dupe(u8, json.string(json.get(param, "message")));
    return json.from(.{ .ok = true });
}

fn refusal(_: []const u8, _: carapace.Json) anyerror!carapace.Json {
    return carapace.failWith(.{ .code = .rate_limited, .message = "too often", .retryable = true, .retry_after = 7 });
}

test "the gateway is asked, and errors are the contract's" {
    carapace.test_host = gateway;
    try answers("tool_invoke", tool, "{\"name\":\"count\"}", "{\"content\":[{\"kind\":\"text\",\"text\":\"1\"}]}");
    try answers("tool_invoke", tool, "{\"name\":\"count\"}", "{\"content\":[{\"kind\":\"text\",\"text\":\"2\"}]}");
    try std.testing.expectEqualStrings("counted 2", logged);
    try answers("tool_invoke", tool, "{\"name\":\"x\"}", "{\"code\":\"unavailable\",\"message\":\"there is no x\",\"retryable\":true}");
    try answers("tool_invoke", tool, "{\"name\":\"badly\"}", "{\"code\":\"internal\",\"message\":\"Badly\"}");
    carapace.test_host = refusal;
    try answers("tool_invoke", tool, "{\"name\":\"count\"}", "{\"code\":\"rate_limited\",\"message\":\"too often\",\"retryable\":true,\"retryAfter\":7}");
    try answers("tool_invoke", tool, "{\"name\":\"despite\"}", "{\"content\":[{\"kind\":\"text\",\"text\":\"too often\"}],\"failed\":true}");
}
