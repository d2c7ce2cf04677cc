// A plugin that watches a site in the background, and tells the gateway's clients when it goes down and comes back.

import { emit, http, type ServiceHealth, type ServiceStart } from "carapace";

// What it knows is kept in memory: the instance that is started is the one that ticks, until it is stopped.
let url = "";
let last = ""; // what the site answered

/** Is called once, before anything else. */
export function serviceStart({ config }: ServiceStart): void {
  url = config.url;
  last = "";
}

/** Looks at the site. It is called as often as the manifest says. */
export function serviceTick(): void {
  const now = answer();
  if (now === last) return;
  last = now;
  emit("site", { answers: now });
}

function answer(): string {
  try {
    return String(http.request({ url, timeout: 5000 }).status);
  } catch {
    return "down";
  }
}

/** Says how the watcher is, which is not how the site is: one that is not well is started anew. */
export function serviceHealth(): ServiceHealth {
  return { message: `the site answers ${last}` };
}

/** Is called last. There is nothing that has to be kept. */
export function serviceStop(): void {}
