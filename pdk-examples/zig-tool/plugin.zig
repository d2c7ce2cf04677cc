//! A plugin with a tool that rolls dice.

const std = @import("std");
const carapace = @import("carapace.zig");

comptime {
    carapace.plugin(.{ .tool_invoke = roll });
}

/// Rolls. The gateway has checked the arguments against the manifest's schema.
fn roll(call: carapace.ToolInvocation) !carapace.ToolOutput {
    const given = carapace.json.get(call.args, "sides");
    const sides: u64 = if (given == .null) 6 else @intCast(carapace.json.int(given));
    var random: [8]u8 = undefined;
    carapace.random(&random);
    return carapace.text(try carapace.print("{d}", .{1 + std.mem.readInt(u64, &random, .little) % sides}));
}

test "a die shows all of its sides and nothing else" {
    for ([_]struct { []const u8, usize }{ .{ "{}", 6 }, .{ "{\"sides\":2}", 2 }, .{ "{\"sides\":20}", 20 } }) |die| {
        const args, const sides = die;
        var seen: [20]bool = @splat(false);
        for (0..1000) |_| {
            const output = try roll(.{ .name = "roll", .args = try carapace.json.parse(args) });
            const shown = try std.fmt.parseInt(usize, output.content[0].text.?, 10);
            try std.testing.expect(shown >= 1 and shown <= sides);
            seen[shown - 1] = true;
        }
        try std.testing.expectEqual(sides, std.mem.count(bool, &seen, &.{true}));
    }
}
