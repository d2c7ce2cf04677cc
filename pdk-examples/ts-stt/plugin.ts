// A plugin that has recordings written down by a server, which answers a form with plain text.

import { http, PluginError, stt, type Recording, type Transcript } from "carapace";

/** Sends the recording on. The gateway puts it into the request: a plugin knows its name only. */
export function sttTranscribe(recording: Recording): Transcript {
  const response = http.request({
    method: "POST",
    url: `${recording.config.url}/transcribe`,
    parts: [stt.part("recording", recording)],
  });
  if (response.status !== 200 || response.text === undefined) {
    throw new PluginError("unavailable", "ts-stt: the server does not transcribe; look at its log", {
      retryable: true,
    });
  }
  return { text: response.text };
}
