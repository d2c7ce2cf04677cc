// fill completes a record that has arrived: what was left out gets its zero value, and base64 becomes bytes. What is of
// another type than the contract's is refused, by where it stands.
function fill(record, value, path) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mistyped(path, "an object");
  for (const [name, kind, of, optional] of record) {
    const found = value[name];
    if (found !== undefined && found !== null) value[name] = read(kind, of, found, path === "" ? name : `${path}.${name}`, value);
    else if (!optional) value[name] = zero(kind, of, value);
    else if (found === null) delete value[name];
  }
  return value;
}

function read(kind, of, value, path, parent) {
  switch (kind) {
    case "json":
      return value;
    case "event":
      return parent.name in hookEvents ? fill(hookEvents[parent.name], value, path) : value;
    case "record":
      return fill(records[of], value, path);
    case "bytes":
      return bytesOf(value, path);
    case "list":
      if (!Array.isArray(value)) throw mistyped(path, "a list");
      return value.map((item, at) => read(of in records ? "record" : of, of, item, `${path}[${at}]`));
  }
  if (typeof value !== kind) throw mistyped(path, `a ${kind}`);
  return value;
}

function zero(kind, of, parent) {
  switch (kind) {
    case "list":
      return [];
    case "bytes":
      return new Uint8Array();
    case "record":
      return fill(records[of], {}, "");
    case "event":
      return parent.name in hookEvents ? fill(hookEvents[parent.name], {}, "") : null;
  }
  return of;
}

function bytesOf(text, path) {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw mistyped(path, "bytes in base64");
  }
}

function mistyped(path, wanted) {
  return new PluginError("invalid", `${path || "the input"}: expected ${wanted}`);
}
