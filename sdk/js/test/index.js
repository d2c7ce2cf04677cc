export { Host, PluginError, host } from "./host.js";
export { replay } from "./replay.js";
