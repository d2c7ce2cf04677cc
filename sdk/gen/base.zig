//! The SDK for Zig: what a plugin for the carapace gateway is written with.
//!
//!     zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -O ReleaseSmall -femit-bin=plugin.wasm
//!
//! A plugin has a handler for each export that its manifest needs, a function of a record that returns a record or an error,
//! and names them in a `comptime { carapace.plugin(.{ .tool_invoke = roll }); }`.
//!
//! Memory: what a handler is given and what is made by `allocator` belongs to the call. It is there until the call has been
//! answered, and nobody frees it, so nothing of it is kept in a variable outside of a function.
//!
//! Errors: `return carapace.fail(.invalid, "say a city")` says why a handler fails. What is asked of the gateway fails with
//! error.Failed, and `failure` has the reason, so `try` hands it on. Any other error is `internal`, with its name.

const std = @import("std");
const builtin = @import("builtin");

const wasm = builtin.cpu.arch.isWasm();

/// JSON that has no type here. See `json` for what looks into it and makes it.
pub const Json = std.json.Value;

/// Bytes, which are base64 on their way.
pub const Bytes = struct { data: []const u8 = "" };

pub const Failure = error{ Failed, OutOfMemory };

/// Why the handler, or what was asked of the gateway last, has failed.
pub var failure: ?ErrorRecord = null;

/// Says why a handler fails: `return carapace.fail(.invalid, "say a city")`.
pub fn fail(code: Code, message: []const u8) error{Failed} {
    return failWith(.{ .code = code, .message = message, .retryable = code == .rate_limited or code == .unavailable or code == .timeout });
}

/// The same with a record: the error of a response, say.
pub fn failWith(reason: ErrorRecord) error{Failed} {
    failure = reason;
    return error.Failed;
}

var arena: std.heap.ArenaAllocator = .init(if (wasm) std.heap.wasm_allocator else std.heap.page_allocator);

/// Memory of the call.
pub fn allocator() std.mem.Allocator {
    return arena.allocator();
}

/// A text in the call's memory, made as std.fmt says.
pub fn print(comptime format: []const u8, args: anytype) error{OutOfMemory}![]const u8 {
    return std.fmt.allocPrint(allocator(), format, args);
}

/// Items of a list in the call's memory: `.timers = try carapace.list(Timer, &.{.{ .id = "again", .after = 5000 }})`.
pub fn list(comptime T: type, items: []const T) error{OutOfMemory}![]const T {
    return allocator().dupe(T, items);
}

/// The output of a tool that is one text.
pub fn text(said: []const u8) error{OutOfMemory}!ToolOutput {
    return .{ .content = try list(Part, &.{.{ .text = said }}) };
}

/// The output of a tool that ran and has bad news for the model: what is wrong and how to ask better.
pub fn failed(said: []const u8) error{OutOfMemory}!ToolOutput {
    var output = try text(said);
    output.failed = true;
    return output;
}

/// Writes a line to the plugin's log.
pub fn log(level: LogLevel, comptime format: []const u8, args: anytype) void {
    const message = print(format, args) catch return;
    host.logWrite(.{ .level = level, .message = message }) catch {};
}

/// Random bytes, fit for secrets but in a test.
pub fn random(bytes: []u8) void {
    if (wasm) {
        if (imported.random_get(bytes.ptr, bytes.len) != 0) @trap();
    } else test_random.random().bytes(bytes);
}

var test_random: std.Random.DefaultPrng = .init(1);

/// JSON without a type. What is missing, or is of another kind than asked for, is the kind's zero.
pub const json = struct {
    /// How deep arrays and objects may nest.
    const max_depth = 64;

    /// A field of an object, null where there is none.
    pub fn get(value: Json, name: []const u8) Json {
        return switch (value) {
            .object => |object| object.get(name) orelse .null,
            else => .null,
        };
    }

    /// The items of an array.
    pub fn items(value: Json) []const Json {
        return switch (value) {
            .array => |array| array.items,
            else => &.{},
        };
    }

    /// A string; of a number its digits, for platforms differ in how they write ids.
    pub fn string(value: Json) []const u8 {
        return switch (value) {
            .string => |s| s,
            .number_string => |s| s,
            .integer => |n| print("{d}", .{n}) catch "",
            .float => |n| print("{d}", .{n}) catch "",
            else => "",
        };
    }

    /// A whole number; what is behind the point of another one is cut off, and one that does not fit is 0. A string of digits
    /// counts too.
    pub fn int(value: Json) i64 {
        return switch (value) {
            .integer => |n| n,
            .float => |n| if (n > -9e18 and n < 9e18) @intFromFloat(n) else 0,
            .string => |s| std.fmt.parseInt(i64, s, 10) catch 0,
            else => 0,
        };
    }

    pub fn float(value: Json) f64 {
        return switch (value) {
            .integer => |n| @floatFromInt(n),
            .float => |n| n,
            .string, .number_string => |s| std.fmt.parseFloat(f64, s) catch 0,
            else => 0,
        };
    }

    pub fn boolean(value: Json) bool {
        return value == .bool and value.bool;
    }

    /// The value that a text is.
    pub fn parse(source: []const u8) Failure!Json {
        var depth: usize = 0;
        var quoted = false;
        var escaped = false;
        for (source) |c| {
            if (quoted) {
                if (c == '"' and !escaped) quoted = false;
                escaped = c == '\\' and !escaped;
            } else switch (c) {
                '"' => quoted = true,
                '{', '[' => depth += 1,
                '}', ']' => depth -|= 1,
                else => {},
            }
            if (depth > max_depth) return fail(.invalid, "the JSON nests too deep");
        }
        return std.json.parseFromSliceLeaky(Json, allocator(), source, .{ .duplicate_field_behavior = .use_last }) catch |err| switch (err) {
            error.OutOfMemory => error.OutOfMemory,
            else => fail(.invalid, "what is read is not JSON"),
        };
    }

    /// The value that a struct, a slice, a number, … is: `json.from(.{ .city = city, .days = 3 })`.
    pub fn from(value: anytype) Failure!Json {
        return parse(std.json.Stringify.valueAlloc(allocator(), value, .{}) catch return error.OutOfMemory);
    }

    /// The record that a value is, such as the event of a hook: `json.read(MessageSending, event.event)`.
    pub fn read(comptime T: type, value: Json) Failure!T {
        return readValue(T, value, "json");
    }
};

fn expected(name: []const u8, comptime what: []const u8) Failure {
    return fail(.invalid, try print("{s}: expected {s}", .{ name, what }));
}

fn readValue(comptime T: type, value: Json, name: []const u8) Failure!T {
    if (T == Json) return value;
    if (T == []const u8) return if (value == .string) value.string else expected(name, "a string");
    if (T == Bytes) {
        if (value != .string) return expected(name, "a string");
        const decoder = std.base64.standard.Decoder;
        const size = decoder.calcSizeForSlice(value.string) catch return expected(name, "base64");
        const data = try allocator().alloc(u8, size);
        decoder.decode(data, value.string) catch return expected(name, "base64");
        return .{ .data = data };
    }
    switch (@typeInfo(T)) {
        .bool => return if (value == .bool) value.bool else expected(name, "true or false"),
        .float => return if (value == .float or value == .integer) json.float(value) else expected(name, "a number"),
        .int => switch (value) {
            .integer => |n| return std.math.cast(T, n) orelse expected(name, "a whole number that fits"),
            .number_string => |s| return std.fmt.parseInt(T, s, 10) catch expected(name, "a whole number that fits"),
            else => return expected(name, "a whole number that fits"),
        },
        .optional => |o| return try readValue(o.child, value, name),
        .@"enum" => {
            if (value != .string) return expected(name, "a string");
            if (value.string.len == 0) return @field(T, @typeInfo(T).@"enum".field_names[0]);
            return std.meta.stringToEnum(T, value.string) orelse .unknown;
        },
        .pointer => |p| {
            if (value != .array) return expected(name, "an array");
            const items = try allocator().alloc(p.child, value.array.items.len);
            for (items, value.array.items) |*item, one| item.* = try readValue(p.child, one, name);
            return items;
        },
        .@"struct" => |s| {
            if (value != .object) return expected(name, "an object");
            var record: T = .{};
            inline for (s.field_names, s.field_types) |field, F| {
                if (value.object.get(comptime camel(field))) |found|
                    if (found != .null or F == Json) {
                        @field(record, field) = try readValue(F, found, comptime camel(field));
                    };
            }
            return record;
        },
        else => @compileError("no part of the contract: " ++ @typeName(T)),
    }
}

/// What a field is called in JSON.
fn camel(comptime name: []const u8) []const u8 {
    comptime {
        var out: []const u8 = "";
        var upper = false;
        for (name) |c| {
            if (c == '_') {
                upper = true;
                continue;
            }
            out = out ++ &[_]u8{if (upper) std.ascii.toUpper(c) else c};
            upper = false;
        }
        return out;
    }
}

fn isZero(value: anytype) bool {
    const T = @TypeOf(value);
    if (T == Json) return value == .null;
    if (T == ?Json) return value == null or value.? == .null;
    if (T == Bytes) return value.data.len == 0;
    return switch (@typeInfo(T)) {
        .bool => !value,
        .int, .float => value == 0,
        .pointer => value.len == 0,
        .optional => value == null,
        else => false,
    };
}

const Writer = std.json.Stringify;

fn writeValue(w: *Writer, value: anytype) Writer.Error!void {
    const T = @TypeOf(value);
    if (T == Json) return w.write(value);
    if (T == Bytes) {
        const encoder = std.base64.standard.Encoder;
        const encoded = allocator().alloc(u8, encoder.calcSize(value.data.len)) catch return error.WriteFailed;
        return w.write(encoder.encode(encoded, value.data));
    }
    if (T == []const u8) {
        if (std.unicode.utf8ValidateSlice(value)) return w.write(value);
        return w.write(print("{f}", .{std.unicode.fmtUtf8(value)}) catch return error.WriteFailed);
    }
    switch (@typeInfo(T)) {
        .optional => try writeValue(w, value.?),
        .@"enum" => try w.write(@tagName(value)),
        .pointer => {
            try w.beginArray();
            for (value) |item| try writeValue(w, item);
            try w.endArray();
        },
        .@"struct" => |s| {
            try w.beginObject();
            inline for (s.field_names) |field| {
                if (!isZero(@field(value, field))) {
                    try w.objectField(comptime camel(field));
                    try writeValue(w, @field(value, field));
                }
            }
            try w.endObject();
        },
        else => try w.write(value),
    }
}

/// A record as JSON.
pub fn write(record: anytype) error{OutOfMemory}![]const u8 {
    var out: std.Io.Writer.Allocating = .init(allocator());
    var w: Writer = .{ .writer = &out.writer };
    writeValue(&w, record) catch return error.OutOfMemory;
    return out.written();
}

const imported = struct {
    extern "extism:host/env" fn input_length() u64;
    extern "extism:host/env" fn error_set(offset: u64) void;
    extern "extism:host/env" fn alloc(size: u64) u64;
    extern "extism:host/env" fn free(offset: u64) void;
    extern "extism:host/env" fn length(offset: u64) u64;
    extern "carapace:host/memory" fn read(offset: u64, to: [*]u8, size: u32) void;
    extern "carapace:host/memory" fn write(offset: u64, from: [*]const u8, size: u32) void;
    extern "carapace:host/memory" fn input(to: [*]u8, size: u32) void;
    extern "carapace:host/memory" fn output(from: [*]const u8, size: u32) void;
    extern "wasi_snapshot_preview1" fn random_get(to: [*]u8, size: usize) i32;
};

fn stored(bytes: []const u8) u64 {
    const at = imported.alloc(bytes.len);
    if (bytes.len > 0) imported.write(at, bytes.ptr, @intCast(bytes.len));
    return at;
}

/// Calls a handler with JSON: what it answers as JSON, or error.Failed with the reason in `failure`. It is what an export does,
/// and what a test replays a transcript with.
pub fn call(comptime name: []const u8, comptime handler: anytype, input: []const u8) Failure![]const u8 {
    const In, const Out = @field(exports, name);
    failure = null;
    const param = try json.read(In, try json.parse(input));
    const out = @as(anyerror!Out, handler(param)) catch |err| {
        if (err != error.Failed or failure == null) return fail(.internal, @errorName(err));
        return error.Failed;
    };
    return write(out);
}

fn serve(comptime name: []const u8, comptime handler: anytype) Failure!void {
    const input = try allocator().alloc(u8, @intCast(imported.input_length()));
    if (input.len > 0) imported.input(input.ptr, @intCast(input.len));
    const out = try call(name, handler, input);
    imported.output(out.ptr, @intCast(out.len));
}

fn Export(comptime name: []const u8, comptime handler: anytype) type {
    return struct {
        fn run() callconv(.c) i32 {
            _ = arena.reset(.retain_capacity);
            serve(name, handler) catch |err| {
                if (err == error.OutOfMemory) failure = .{ .code = .internal, .message = "there is no more memory" };
                imported.error_set(stored(write(failure.?) catch @trap()));
                return 1;
            };
            return 0;
        }
    };
}

/// Exports handlers, by the names of the contract: `comptime { carapace.plugin(.{ .tool_invoke = roll }); }`.
pub fn plugin(comptime handlers: anytype) void {
    if (!wasm) return;
    for (@typeInfo(@TypeOf(handlers)).@"struct".field_names) |name| {
        if (!@hasDecl(exports, name)) @compileError("the contract has no export " ++ name);
        @export(&Export(name, @field(handlers, name)).run, .{ .name = name });
    }
}

/// What a test answers instead of the gateway: a function of a name of the contract and its parameter, which returns what the
/// gateway would, or `fail`s.
pub var test_host: ?*const fn (name: []const u8, param: Json) anyerror!Json = null;

fn ask(comptime name: []const u8, param: anytype, comptime Out: type) Failure!Out {
    failure = null;
    if (!wasm) {
        const answer_to = test_host orelse return fail(.not_found, "there is no test_host");
        const answer = answer_to(name, try json.parse(try write(param))) catch |err| {
            return if (failure != null) error.Failed else fail(.internal, @errorName(err));
        };
        return if (Out == void) {} else json.read(Out, answer);
    }
    const function = @extern(*const fn (offset: u64) callconv(.c) u64, .{ .name = name, .library_name = "extism:host/user" });
    const at = stored(try write(param));
    const said = function(at);
    imported.free(at);
    const bytes = try allocator().alloc(u8, @intCast(imported.length(said)));
    if (bytes.len > 0) imported.read(said, bytes.ptr, @intCast(bytes.len));
    imported.free(said);
    const answer = try json.parse(bytes);
    const reason = json.get(answer, "error");
    if (reason != .null) return failWith(try json.read(ErrorRecord, reason));
    if (Out != void) return json.read(Out, json.get(answer, "ok"));
}

