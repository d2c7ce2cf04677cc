// Timers of the call that is running. The kernel's step runs them, in the order of their times.

const timers = new Map();
let lastTimer = 0;
let lastDue = 0; // time is never before a timer that has run

const now = () => Math.max(Date.now(), lastDue);

function setTimer(action, after, repeat, args) {
  if (typeof action !== "function") throw new TypeError("a timer needs a function");
  const wait = Math.max(1, Math.min(Number(after) || 0, 2 ** 31 - 1));
  timers.set(++lastTimer, { action, args, due: now() + wait, every: repeat ? wait : 0 });
  return lastTimer;
}

// runTimer waits for the next timer and runs it, and reports whether there was one.
function runTimer() {
  let next = null;
  for (const [id, timer] of timers) {
    if (next === null || timer.due < next.timer.due) next = { id, timer };
  }
  if (next === null) return false;
  const { id, timer } = next;
  const wait = timer.due - now();
  if (wait > 0) host("sleep", String(Math.ceil(wait)));
  lastDue = Math.max(lastDue, timer.due);
  if (timer.every > 0) timer.due += timer.every;
  else timers.delete(id);
  timer.action(...timer.args);
  return true;
}

function clearTimers() {
  if (timers.size > 0) timers.clear();
  lastDue = 0;
}

define({
  setTimeout: (action, after, ...args) => setTimer(action, after, false, args),
  setInterval: (action, after, ...args) => setTimer(action, after, true, args),
  clearTimeout: (id) => {
    timers.delete(id);
  },
  clearInterval: (id) => {
    timers.delete(id);
  },
});
