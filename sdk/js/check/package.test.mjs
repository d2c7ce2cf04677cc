// The package as others get it: packed, installed from the packed file, and used as the README and the examples use it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const sdk = fileURLToPath(new URL("..", import.meta.url));
const examples = fileURLToPath(new URL("../../../pdk-examples/", import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8"));

const project = mkdtempSync(join(tmpdir(), "carapace-package-"));
after(() => rmSync(project, { recursive: true }));

// What a test runner tells the ones below it is not for those that are run here.
const { NODE_TEST_CONTEXT, ...env } = process.env;

function run(command) {
  try {
    return execFileSync("sh", ["-ec", command], { cwd: project, env, encoding: "utf8", stdio: "pipe" });
  } catch (failure) {
    throw new Error(`${command}\n${failure.stdout}${failure.stderr}`);
  }
}

const readme = readFileSync(join(sdk, "README.md"), "utf8");

test("the packed file holds the package and no more", () => {
  const [packed] = JSON.parse(run(`npm pack ${sdk} --json`));
  const files = packed.files.map(({ path }) => path).filter((path) => !path.startsWith("prelude/"));
  assert.deepEqual(files.sort(), [
    "README.md",
    "contract.d.ts",
    "globals.d.ts",
    "index.d.ts",
    "index.js",
    "package.json",
    "test/bundle.js",
    "test/deadline.js",
    "test/error.js",
    "test/host.js",
    "test/http.js",
    "test/index.d.ts",
    "test/index.js",
    "test/instance.js",
    "test/prelude.js",
    "test/replay.js",
    "test/scram.js",
    "test/sign.js",
    "tsconfig.json",
  ]);
  writeFileSync(join(project, "package.json"), "{}");
  const commands = /```sh\n(npm install[^\n]*)\n/.exec(readme)[1];
  run(
    commands.replace(
      /carapace typescript$/,
      `./${packed.filename} typescript@${devDependencies.typescript} --ignore-scripts --prefer-offline --no-audit --no-fund`,
    ),
  );
});

test("what the README shows is what happens", () => {
  const blocks = [...readme.matchAll(/^`([\w./-]+)`:\n\n```\w+\n([^]*?)```$/gm)];
  assert.equal(blocks.length, 8);
  for (const [, name, text] of blocks) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), text);
  }
  cpSync(join(project, "greeter/tsconfig.json"), join(project, "weather/tsconfig.json"));
  const commands = /```sh\nnpm install[^\n]*\n([^]*?)```/.exec(readme)[1];
  for (const folder of ["greeter", "weather"]) {
    assert.match(run(commands.replaceAll("greeter", folder)), /# fail 0/);
  }
});

test("a transcript that differs fails, and is written anew when asked", () => {
  const file = join(project, "greeter/testdata/greet.jsonl");
  const good = readFileSync(file, "utf8");
  const replayed = (text) => {
    writeFileSync(file, text);
    return () => run("node --test greeter/plugin.test.mjs");
  };
  assert.throws(replayed(good.replace("for the 7. time", "for the 8. time")), /for the 8\. time/);
  assert.throws(
    replayed(good.replace('"key":"Ada","value"', '"key":"Bob","value"')),
    /the transcript does not expect kv_put .*Ada/,
  );
  assert.throws(
    replayed(good.replace('"host":[', '"host":[{"call":"kv_keys","param":{}},')),
    /the transcript does not expect kv_get/,
  );
  assert.throws(
    replayed(good.replace('],"output":{"content"', ',{"call":"kv_keys","param":{}}],"output":{"content"')),
    /1 expected host calls were not made, the first is kv_keys/,
  );
  writeFileSync(file, good.replace("for the 7. time", "for the 8. time"));
  run("CARAPACE_UPDATE=1 node --test greeter/plugin.test.mjs");
  assert.equal(readFileSync(file, "utf8"), good);
});

for (const name of readdirSync(examples).filter((folder) => folder.startsWith("ts-"))) {
  test(`the example ${name}`, () => {
    cpSync(join(examples, name), join(project, name), { recursive: true });
    writeFileSync(
      join(project, name, "tsconfig.json"),
      '{ "extends": "carapace/tsconfig.json", "include": ["plugin.ts"] }',
    );
    assert.match(run(`npx tsc -p ${name}; node --test ${name}/plugin.test.mjs`), /# fail 0/);
  });
}

test("what is wrong is told with its position in the sources", () => {
  const folder = join(project, "wrong");
  mkdirSync(folder);
  writeFileSync(join(folder, "plugin.json"), '{ "entry": "plugin.ts" }');
  writeFileSync(
    join(folder, "plugin.ts"),
    'import { text } from "carapace";\n\ntype T = string;\n\nexport const toolInvoke = (call: any) => {\n  const t: T = call.args.x;\n  return text(t);\n};\n',
  );
  writeFileSync(
    join(folder, "plugin.test.mjs"),
    'import { host } from "carapace/test";\ntry { (await host(import.meta.url)).plugin.toolInvoke(); } catch (e) { console.log(e.code, e.stack); }\n',
  );
  assert.match(
    run("node wrong/plugin.test.mjs"),
    /^internal TypeError: cannot read property 'x' of null\n {4}at toolInvoke \(plugin\.ts:6:\d+\)/,
  );
});
