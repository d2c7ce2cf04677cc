import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../prelude/", import.meta.url);

/** What runs before a plugin, as the gateway puts it together. */
export function prelude() {
  const pieces = readdirSync(folder)
    .filter((name) => name.endsWith(".js"))
    .sort();
  return `(function () {\n"use strict";\n${pieces.map((name) => readFileSync(new URL(name, folder), "utf8")).join("")}})();\n`;
}
