import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const sdk = fileURLToPath(new URL("..", import.meta.url));

test("what the README shows builds and passes with the packed package", () => {
  const dir = mkdtempSync(join(tmpdir(), "carapace-as-"));
  try {
    const readme = readFileSync(join(sdk, "README.md"), "utf8");
    const files = [...readme.matchAll(/^`greeter\/([^`]+)`[^`]*(?:`[^`]+`[^`]*)*?^```\w+\n(.*?)^```$/gms)];
    if (files.length !== 4) throw new Error(`it has ${files.length} files`);
    for (const [, name, text] of files) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
    const [archive] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", dir], { cwd: sdk, encoding: "utf8" }));
    mkdirSync(join(dir, "node_modules", "carapace-as"), { recursive: true });
    execFileSync("tar", ["-xzf", archive.filename, "--strip-components=1", "-C", "node_modules/carapace-as"], { cwd: dir });
    execFileSync(join(sdk, "node_modules", ".bin", "asc"), { cwd: dir, stdio: "inherit" });
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    execFileSync(process.execPath, ["--test", "plugin.test.mjs"], { cwd: dir, env, stdio: ["ignore", "ignore", "inherit"] });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
