// A plugin that has texts said aloud by a server, which answers JSON with a sound.

import { PluginError, type Speech, type SpeechOrder, type VoicesAnswer, type VoicesQuery } from "carapace";

/** Plans the request. The gateway makes it and keeps the sound that comes back: the plugin never has it. */
export function ttsSynthesize({ text, format, voice, speed, config }: SpeechOrder): Speech {
  const json = { text, format, voice, percent: speed || undefined }; // what is undefined is left out
  return { request: { method: "POST", url: `${config.url}/speak`, json } };
}

/** Is asked first without a response, and then with the one to its request. */
export function ttsVoices({ response, config }: VoicesQuery): VoicesAnswer {
  if (!response) return { request: { url: `${config.url}/voices` } };
  if (response.status !== 200 || response.text === undefined) {
    throw new PluginError("unavailable", "ts-tts: the server does not list its voices; look at its log", {
      retryable: true,
    });
  }
  const list: unknown = JSON.parse(response.text);
  return { voices: Array.isArray(list) ? list.map(({ id, name }) => ({ id, name })) : [] };
}
