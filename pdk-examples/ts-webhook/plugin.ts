// A plugin that a build server calls, and that tells the gateway's clients what was deployed.

import { emit, kv, type WebhookCall, type WebhookReply } from "carapace";

/**
 * Is called once the gateway has checked the signature, for the routes that the manifest names: here, for one. The same
 * call may come twice, since who calls does so again when it is not answered; so what was told is kept.
 */
export function webhookHandle({ request }: WebhookCall): WebhookReply {
  if (request.text === undefined) return { status: 400, text: "this is no text" };
  const { project, version } = parsed(request.text);
  if (!isName(project) || project.length > 64 || !isName(version)) {
    return { status: 400, text: "want a project and its version" }; // for who calls
  }
  // What the gateway throws is for the owner; who calls is asked to come again, where that may help.
  if (kv.get(`version:${project}`) === version) return { status: 200, text: "known" };
  emit("deployed", { project, version });
  kv.put(`version:${project}`, version);
  return { status: 202, text: "told" };
}

/** What a call says, which may be anything. */
function parsed(text: string): { project?: unknown; version?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
