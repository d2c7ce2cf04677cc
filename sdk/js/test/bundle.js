import { buildSync } from "esbuild";
import { readFileSync, statSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const carapace = fileURLToPath(new URL("../index.js", import.meta.url));

/** The folder of a plugin, from its path or URL or from that of a file in it. */
export function folderOf(place) {
  const path = place instanceof URL || String(place).startsWith("file:") ? fileURLToPath(place) : String(place);
  return statSync(path).isDirectory() ? path : dirname(path);
}

const defaultDeadline = 10_000;

/** The script of a plugin, as the gateway bundles it, what a trace in it means in the sources, and how long its calls may take. */
export function bundle(folder) {
  const { entry, limits } = JSON.parse(readFileSync(join(folder, "plugin.json"), "utf8"));
  const { outputFiles } = buildSync({
    entryPoints: [join(folder, entry)],
    bundle: true,
    format: "iife",
    globalName: "__plugin",
    target: "es2023",
    alias: { carapace },
    sourcemap: "external",
    outfile: join(folder, "__plugin.js"),
    write: false,
    logLevel: "silent",
  });
  const text = (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text;
  const map = new SourceMap(JSON.parse(text(".js.map")));
  const inSources = (stack) =>
    stack.replace(/__plugin\.js:(\d+):(\d+)/g, (place, line, column) => {
      const found = map.findEntry(Number(line) - 1, Number(column) - 1);
      return found.originalSource
        ? `${found.originalSource}:${found.originalLine + 1}:${found.originalColumn + 1}`
        : place;
    });
  return { script: text(".js"), inSources, deadline: limits?.deadline || defaultDeadline };
}
