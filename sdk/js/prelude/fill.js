// What records.js completes the records by that arrive: what was left out gets its zero value, and base64 becomes bytes.
// What is of another type than the contract's is refused, by where it stands.

const place = []; // the fields around the one that is looked at
let depth = 0;

// fill completes a whole input or answer.
function fill(complete, value) {
  depth = 0;
  return record(value, "", complete);
}

function record(value, name, complete) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mistyped(name, "an object");
  place[depth++] = name;
  complete(value);
  depth--;
  return value;
}

function list(values, name, complete) {
  if (values === undefined || values === null) return [];
  if (!Array.isArray(values)) throw mistyped(name, "a list");
  place[depth++] = name;
  for (let at = 0; at < values.length; at++) record(values[at], at, complete);
  depth--;
  return values;
}

function texts(values, name) {
  if (values === undefined || values === null) return [];
  if (!Array.isArray(values)) throw mistyped(name, "a list");
  place[depth++] = name;
  for (let at = 0; at < values.length; at++) {
    if (typeof values[at] !== "string") throw mistyped(at, "a string");
  }
  depth--;
  return values;
}

function bytes(text, name) {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw mistyped(name, "bytes in base64");
  }
}

// hookEvent completes the event of a hook that has a record for it.
function hookEvent(event, name, hook) {
  const complete = hookEvents[hook];
  return complete === undefined ? (event ?? null) : record(event ?? {}, name, complete);
}

// missing is the zero value of what is not there, and refuses what is of another type.
function missing(value, name, zero, type) {
  if (value === undefined || value === null) return zero;
  throw mistyped(name, `a ${type}`);
}

function mistyped(name, wanted) {
  const path = [...place.slice(0, depth), name].reduce(
    (path, part) => (typeof part === "number" ? `${path}[${part}]` : path === "" ? part : `${path}.${part}`),
    "",
  );
  return new PluginError("invalid", `${path || "the input"}: expected ${wanted}`);
}
