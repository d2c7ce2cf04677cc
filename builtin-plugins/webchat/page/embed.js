// Shows the chat in a page of another site: <script src="…/chat/<account>/embed.js" data-label="Chat" data-side="left" data-open data-name="Ada"></script>
"use strict";
(() => {
  const me = document.currentScript;
  const page = new URL("./", me.src);
  const { label = "Chat", side, color, name } = me.dataset;
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const style = (element, rules) => Object.assign(element.style, rules);

  const frame = document.createElement("iframe");
  frame.title = label;
  frame.id = "chat";
  const address = new URL(page);
  address.hash = name ? new URLSearchParams({ name }).toString() : "";
  style(frame, {
    width: "min(24rem, calc(100vw - 2rem))", height: "min(36rem, calc(100vh - 6rem))", border: "1px solid #8888", borderRadius: ".8rem",
    boxShadow: "0 .3rem 1.5rem #0004", background: "Canvas", display: "none", marginBottom: ".6rem",
  });

  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "chat");
  style(button, {
    font: "1rem/1 system-ui, sans-serif", padding: ".9rem 1.2rem", border: "0", borderRadius: "2rem", color: "#fff", cursor: "pointer",
    background: /^#[0-9a-f]{6}$/i.test(color) ? color : "#1f5fbf", boxShadow: "0 .2rem .8rem #0005", display: "block",
    marginLeft: side === "left" ? "0" : "auto",
  });
  style(host, { position: "fixed", bottom: "1rem", [side === "left" ? "left" : "right"]: "1rem", zIndex: "2147483000" });

  let open = false;
  let ready = false;
  const tell = (what) => ready && frame.contentWindow.postMessage({ carapaceChat: what }, page.origin);
  const write = (count) => {
    button.textContent = open ? "Close" : count > 0 ? `${label} (${count})` : label;
    button.setAttribute("aria-label", open ? `Close: ${label}` : count > 0 ? `${label}, ${count} not read` : label);
  };

  function turn(to) {
    open = to;
    if (open && !frame.src) {
      frame.src = address; // nothing is loaded before somebody wants it
    }
    frame.style.display = open ? "block" : "none";
    button.setAttribute("aria-expanded", String(open));
    write(0);
    tell(open ? "opened" : "closed");
    if (!open) {
      button.focus();
    }
  }

  frame.addEventListener("load", () => {
    ready = Boolean(frame.src);
    tell(open ? "opened" : "closed");
  });
  button.addEventListener("click", () => turn(!open));
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== page.origin || !event.data) {
      return;
    }
    if (event.data.carapaceChat === "close") {
      turn(false);
    } else if (event.data.carapaceChat === "unread" && !open) {
      write(Number(event.data.count) || 0);
    }
  });

  root.append(frame, button);
  write(0);
  const put = () => {
    document.body.append(host);
    if ("open" in me.dataset) {
      turn(true);
    }
  };
  document.body ? put() : addEventListener("DOMContentLoaded", put);
})();
