//! A plugin with a hook that changes messages before they are sent.

const std = @import("std");
const carapace = @import("carapace.zig");

comptime {
    carapace.plugin(.{ .hook_handle = handle });
}

const words = [_][2][]const u8{ .{ "utilize", "use" }, .{ "in order to", "to" }, .{ "prior to", "before" } };

/// Is called for the hooks that the manifest names: here, for one. An empty decision lets the message pass.
fn handle(event: carapace.HookEvent) !carapace.HookDecision {
    const message = try carapace.json.read(carapace.MessageSending, event.event);
    var text = message.text;
    for (words) |word| text = try std.mem.replaceOwned(u8, carapace.allocator(), text, word[0], word[1]);
    if (std.mem.eql(u8, text, message.text)) return .{};
    return .{ .modify = try carapace.json.from(.{ .text = text }) };
}

test "stilted words become plain, and others stay" {
    for ([_][2][]const u8{
        .{ "\"utilize a pen in order to write\"", "{\"modify\":{\"text\":\"use a pen to write\"}}" },
        .{ "\"hello\"", "{}" },
        .{ "null", "{}" },
    }) |case| {
        const input = try carapace.print("{{\"name\":\"message_sending\",\"event\":{{\"text\":{s}}}}}", .{case[0]});
        try std.testing.expectEqualStrings(case[1], try carapace.call("hook_handle", handle, input));
    }
}
