// console writes to the plugin's log.

const counts = new Map();
const started = new Map();

// format puts values into the text before them, as console.log does, and the rest behind it.
function format(values) {
  const rest = [...values];
  let text = "";
  if (typeof rest[0] === "string") {
    text = rest.shift().replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === "%%") return "%";
      if (rest.length === 0) return mark;
      const value = rest.shift();
      switch (mark) {
        case "%s":
          return typeof value === "string" ? value : show(value);
        case "%d":
          return typeof value === "bigint" ? `${value}n` : String(Number(value));
        case "%i":
          return String(Number.parseInt(value, 10));
        case "%f":
          return String(Number.parseFloat(value));
        case "%c":
          return "";
      }
      return show(value, true);
    });
    if (rest.length > 0) text += " ";
  }
  return text + rest.map((value) => (typeof value === "string" ? value : show(value))).join(" ");
}

// show is a value for people: an object as JSON, an error with where it was thrown.
function show(value, quoted = false) {
  if (value instanceof Error) return trace(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return quoted ? JSON.stringify(value) : value;
  if (typeof value === "function") return `[function ${value.name || "(anonymous)"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const seen = [];
  try {
    return JSON.stringify(value, function (_, item) {
      while (seen.length > 0 && seen.at(-1) !== this) seen.pop();
      return plain(item, seen);
    });
  } catch (reason) {
    return `[object that cannot be shown: ${reason?.message}]`;
  }
}

function plain(item, seen) {
  if (typeof item === "bigint") return `${item}n`;
  if (typeof item !== "object" || item === null) return item;
  if (seen.includes(item)) return "[circular]";
  if (item instanceof Error && !(item instanceof PluginError)) return `${item.name}: ${item.message}`;
  const shown = item instanceof Map ? Object.fromEntries(item) : item instanceof Set ? [...item] : item;
  seen.push(shown);
  return shown;
}

const write = (level, values) => {
  host("log", level, format(values));
};

define({
  console: {
    debug: (...values) => write("debug", values),
    log: (...values) => write("info", values),
    info: (...values) => write("info", values),
    dir: (value) => write("info", [value]),
    table: (value) => write("info", [value]),
    warn: (...values) => write("warn", values),
    error: (...values) => write("error", values),
    trace: (...values) => write("debug", [`${format(values)}\n${new Error().stack}`.trimEnd()]),
    assert: (holds, ...values) => {
      if (!holds) write("error", ["assertion failed", ...values]);
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      write("info", [`${label}: ${counts.get(label)}`]);
    },
    countReset: (label = "default") => {
      counts.delete(label);
    },
    time: (label = "default") => {
      started.set(label, performance.now());
    },
    timeLog: (label = "default", ...values) => write("info", [`${label}: ${took(label)}`, ...values]),
    timeEnd: (label = "default") => {
      write("info", [`${label}: ${took(label)}`]);
      started.delete(label);
    },
    group: (...values) => write("info", values),
    groupCollapsed: (...values) => write("info", values),
    groupEnd: () => {},
  },
});

const took = (label) =>
  started.has(label) ? `${(performance.now() - started.get(label)).toFixed(1)} ms` : "never started";
