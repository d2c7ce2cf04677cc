// structuredClone, for what JavaScript itself has.

const wrappers = [Number, String, Boolean, BigInt];

function copy(value, seen) {
  if (typeof value === "symbol" || typeof value === "function")
    throw new DOMException(`${show(value)} cannot be cloned`, "DataCloneError");
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const keep = (made) => {
    seen.set(value, made);
    return made;
  };
  if (Array.isArray(value)) return members(value, keep(new Array(value.length)), seen);
  if (value instanceof Date) return keep(new Date(value));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice());
  if (ArrayBuffer.isView(value)) {
    return keep(
      new value.constructor(
        copy(value.buffer, seen),
        value.byteOffset,
        value instanceof DataView ? value.byteLength : value.length,
      ),
    );
  }
  if (value instanceof Map) {
    const made = keep(new Map());
    for (const [key, item] of [...value]) made.set(copy(key, seen), copy(item, seen));
    return made;
  }
  if (value instanceof Set) {
    const made = keep(new Set());
    for (const item of [...value]) made.add(copy(item, seen));
    return made;
  }
  if (value instanceof Error) return copyError(value, keep, seen);
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef || value instanceof Promise) {
    throw new DOMException(`${value.constructor.name} cannot be cloned`, "DataCloneError");
  }
  if (wrappers.some((wrapper) => value instanceof wrapper)) return keep(Object(value.valueOf()));
  return members(value, keep({}), seen);
}

function members(value, made, seen) {
  for (const key of Object.keys(value)) made[key] = copy(value[key], seen);
  return made;
}

function copyError(value, keep, seen) {
  const kinds = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  const made = keep(new (kinds.find((kind) => value.name === kind.name) ?? Error)(value.message));
  made.stack = value.stack;
  if ("cause" in value) made.cause = copy(value.cause, seen);
  return made;
}

define({ structuredClone: (value) => copy(value, new Map()) });
