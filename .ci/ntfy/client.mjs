// Publishes with the client library as its users do, and prints what the server has made of it.

import { writeFileSync } from "node:fs";
import { MessagePriority, NtfyClient } from "ntfy";

const { SERVER, TOKEN, FILE } = process.env;
const client = new NtfyClient({ server: SERVER, topic: "home", authorization: TOKEN });

const said = await client.publish({
  message: "The door is open",
  title: "House",
  priority: MessagePriority.HIGH,
  tags: ["door", "warning"],
  markdown: true,
  actions: [{ type: "view", label: "Look", url: "https://example.org/door", clear: true }],
});
writeFileSync(FILE, Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
const file = await client.publish({ fileAttachment: FILE });
const link = await client.publish({ message: "Look", fileURL: { filename: "door.jpg", url: "https://example.org/1" } });
let refused;
try {
  await client.publish({ message: "Hello", authorization: "tk_wrong" });
} catch (error) {
  refused = String(error);
}
console.log(JSON.stringify({ said, file, link, refused }));
