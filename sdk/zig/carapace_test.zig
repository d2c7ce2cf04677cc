//! A gateway in memory, for `zig test`:
//!
//!     const gateway = @import("carapace_test.zig");
//!
//!     gateway.reset();
//!     gateway.kv.set("Ada", "6");
//!
//! It keeps records, fills credentials in where the gateway does it, has `http` answer requests, and notes all that a plugin
//! asks for. What it does not know (agents, sessions, other plugins' tools, signatures, sockets) `more` answers, where a test
//! sets that. It looks at no permissions and bounds. It is not safe for threads.

const std = @import("std");
const carapace = @import("carapace.zig");

const json = carapace.json;
const Json = carapace.Json;

/// The plugin's records.
pub var kv: Entries([]const u8) = .{};
/// The credentials that are set.
pub var credentials: Entries([]const u8) = .{};
/// The configurations of accounts.
pub var accounts: Entries(Json) = .{};
/// The files, by what they are called in the media store.
pub var media: Entries(carapace.MediaInfo) = .{};
/// The plugin's configuration.
pub var config: Json = .null;
/// Answers a request, which has its credentials in it, its headers by their names in lower case, and the login of `basic` as
/// a header. Without it requests are forbidden.
pub var http: ?*const fn (request: carapace.HttpRequest) anyerror!carapace.HttpResponse = null;
/// Answers what the rest does not know, as carapace.test_host does.
pub var more: ?*const fn (name: []const u8, param: Json) anyerror!Json = null;
/// What the plugin has asked for, in order: log_write, emit_publish, schedule_set, message_send, …
pub var calls: std.ArrayList(Call) = .empty;

/// Something that was asked for: the contract's name, and the parameter.
pub const Call = struct { name: []const u8, param: Json };

/// Forgets all that was set and asked for, and has the gateway answer.
pub fn reset() void {
    kv = .{};
    credentials = .{};
    accounts = .{};
    media = .{};
    config = .null;
    http = null;
    more = null;
    calls = .empty;
    carapace.test_host = answer;
}

/// What was asked for last by that name, as the record that it takes, such as `asked("log_write", carapace.LogLine)`; null where
/// nothing was.
pub fn asked(name: []const u8, comptime T: type) !?T {
    var i = calls.items.len;
    while (i > 0) {
        i -= 1;
        if (is(calls.items[i].name, name)) return try json.read(T, calls.items[i].param);
    }
    return null;
}

/// The value of a request's header, by its name in lower case; empty where there is none.
pub fn header(request: carapace.HttpRequest, name: []const u8) []const u8 {
    for (request.headers) |h| if (is(h.name, name)) return h.value;
    return "";
}

/// Entries by their names. What they are given has to stay, as literals and what `carapace.print` makes do in a test.
pub fn Entries(comptime T: type) type {
    return struct {
        const Self = @This();
        map: std.array_hash_map.String(T) = .empty,

        pub fn set(self: *Self, name: []const u8, value: T) void {
            self.map.put(carapace.allocator(), name, value) catch @panic("there is no more memory");
        }

        /// Takes one away.
        pub fn remove(self: *Self, name: []const u8) void {
            _ = self.map.orderedRemove(name);
        }

        /// The value of an entry, null where there is none.
        pub fn get(self: Self, name: []const u8) ?T {
            return self.map.get(name);
        }
    };
}

fn is(a: []const u8, b: []const u8) bool {
    return std.mem.eql(u8, a, b);
}

/// The gateway, for carapace.test_host.
pub fn answer(name: []const u8, param: Json) anyerror!Json {
    try calls.append(carapace.allocator(), .{ .name = name, .param = param });
    const key = json.string(json.get(param, "key"));
    if (is(name, "config_get")) return section(param);
    if (is(name, "kv_get")) return json.from(.{ .value = kv.get(key) });
    if (is(name, "kv_put")) kv.set(key, json.string(json.get(param, "value")));
    if (is(name, "kv_delete")) kv.remove(key);
    if (is(name, "kv_keys")) return keys(try json.read(carapace.KvPrefix, param));
    if (is(name, "credential_has")) return json.from(.{ .present = credentials.get(json.string(json.get(param, "name"))) != null });
    if (is(name, "http_request")) return told(try exchange(try json.read(carapace.HttpRequest, param)));
    if (is(name, "media_stat")) return told(try file(param));
    if (is(name, "media_link")) return json.from(.{ .url = try carapace.print("https://gateway.test/media/{s}", .{(try file(param)).media}) });
    if (is(name, "schedule_set")) return json.from(.{ .next = json.get(param, "at") });
    if (is(name, "message_send")) return json.from(.{ .delivery = try carapace.print("plugin:test:{s}", .{json.string(json.get(param, "idempotencyKey"))}) });
    for ([_][]const u8{ "kv_put", "kv_delete", "log_write", "emit_publish", "progress_report", "schedule_cancel" }) |known|
        if (is(name, known)) return json.from(.{ .ok = true });
    const rest = more orelse return carapace.fail(.not_found, try carapace.print("the test's gateway knows no {s}", .{name}));
    return rest(name, param);
}

/// A record as the gateway answers it.
fn told(record: anytype) !Json {
    return json.parse(try carapace.write(record));
}

fn section(param: Json) !Json {
    const account = json.get(param, "account");
    if (account == .null) return json.from(.{ .value = if (config == .null) try json.parse("{}") else config });
    const found = accounts.get(json.string(account)) orelse return carapace.fail(.not_found, try carapace.print("there is no account {s}", .{json.string(account)}));
    return json.from(.{ .value = found });
}

fn before(_: void, a: []const u8, b: []const u8) bool {
    return std.mem.lessThan(u8, a, b);
}

/// The names of records, sorted.
fn keys(asks: carapace.KvPrefix) !Json {
    const all = try carapace.allocator().dupe([]const u8, kv.map.keys());
    std.mem.sort([]const u8, all, {}, before);
    var found: std.ArrayList([]const u8) = .empty;
    for (all) |key| {
        if (found.items.len == if (asks.limit == 0) 100 else @min(asks.limit, 1000)) break;
        if (std.mem.startsWith(u8, key, asks.prefix)) try found.append(carapace.allocator(), key);
    }
    return json.from(.{ .keys = found.items });
}

fn file(param: Json) !carapace.MediaInfo {
    const id = json.string(json.get(param, "media"));
    var info = media.get(id) orelse return carapace.fail(.not_found, try carapace.print("there is no file {s}", .{id}));
    info.media = id;
    return info;
}

/// Makes a request that a plugin described, against `http`, as the gateway would: for the requests in an answer.
pub fn exchange(described: carapace.HttpRequest) anyerror!carapace.HttpResponse {
    const server = http orelse return carapace.fail(.forbidden, "the test's gateway has no http");
    var made = described;
    if (made.method.len == 0) made.method = "GET";
    const path = std.mem.indexOfScalar(u8, made.url, '?') orelse made.url.len;
    made.url = try carapace.print("{s}{s}", .{ try filled(made.url[0..path]), try own(made, made.url[path..]) });
    made.headers = try headers(made);
    made.basic = null;
    if (made.text) |text| made.text = try own(made, text);
    if (made.json) |body| made.json = try json.parse(try own(made, try carapace.write(body)));
    const parts = try carapace.allocator().dupe(carapace.HttpPart, made.parts);
    for (parts) |*part| if (part.text) |text| {
        part.text = try own(made, text);
    };
    made.parts = parts;
    var response = try server(made);
    response.id = made.id;
    if (response.status == 0) response.status = 200;
    return response;
}

fn headers(request: carapace.HttpRequest) ![]const carapace.Header {
    var made: std.ArrayList(carapace.Header) = .empty;
    for (request.headers) |h| {
        const name = try std.ascii.allocLowerString(carapace.allocator(), h.name);
        try made.append(carapace.allocator(), .{ .name = name, .value = try filled(h.value) });
    }
    if (request.basic) |login| {
        const pair = try carapace.print("{s}:{s}", .{ login.user, try credential(login.password) });
        const encoder = std.base64.standard.Encoder;
        const encoded = encoder.encode(try carapace.allocator().alloc(u8, encoder.calcSize(pair.len)), pair);
        try made.append(carapace.allocator(), .{ .name = "authorization", .value = try carapace.print("Basic {s}", .{encoded}) });
    }
    return made.items;
}

/// A text of the plugin's own words, which has credentials in it where the request says so.
fn own(request: carapace.HttpRequest, text: []const u8) ![]const u8 {
    return if (request.fill) filled(text) else text;
}

fn credential(name: []const u8) ![]const u8 {
    return credentials.get(name) orelse carapace.fail(.unauthorized, try carapace.print("this credential is not set: {s}", .{name}));
}

/// A text with its placeholders replaced.
fn filled(text: []const u8) ![]const u8 {
    const head = "{{credential:";
    var done: []const u8 = "";
    var from: usize = 0;
    while (std.mem.indexOfPos(u8, text, from, head)) |at| {
        const start = at + head.len;
        var end = start;
        while (end < text.len and (std.ascii.isAlphanumeric(text[end]) or std.mem.indexOfScalar(u8, "_.-", text[end]) != null)) end += 1;
        if (end > start and std.mem.startsWith(u8, text[end..], "}}")) {
            done = try carapace.print("{s}{s}{s}", .{ done, text[from..at], try credential(text[start..end]) });
            from = end + 2;
        } else {
            done = try carapace.print("{s}{s}", .{ done, text[from..start] });
            from = start;
        }
    }
    return carapace.print("{s}{s}", .{ done, text[from..] });
}
