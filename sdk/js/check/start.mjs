import { Instance } from "../test/instance.js";

/** An instance whose plugin has the functions of `source`, an object's inside; logs and sleeps are kept. */
export async function start(source, call = () => ({})) {
  const logs = [];
  const sleeps = [];
  const instance = await Instance.start(`var __plugin = { ${source} };`, {
    call,
    log: (level, message) => {
      logs.push([level, message]);
    },
    sleep: (duration) => {
      sleeps.push(duration);
    },
  });
  return Object.assign(instance, { logs, sleeps });
}

/** Runs an async function's body in an instance and gives what it returned. */
export async function inside(body, call) {
  const instance = await start(`toolInvoke: async () => ({ value: await (async () => { ${body} })() })`, call);
  const { output, error } = instance.call("tool_invoke", "{}");
  if (error) throw Object.assign(new Error(error.message), error);
  return JSON.parse(output).value;
}
