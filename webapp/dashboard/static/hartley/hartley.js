// The little that pages do by themselves: theme, questions before harm, live news, messages of failed requests.
(() => {
  "use strict";

  // --- light or dark: a cookie, so that the server draws the right one at once ---
  const dark = () => document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  });

  // --- a question before harm ---
  document.addEventListener("submit", (event) => {
    const asks = event.submitter?.dataset.confirm;
    if (asks && !confirm(asks)) event.preventDefault();
  });

  // --- a form is sent once, however often its button is pressed; coming back to the page frees it again ---
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
    setTimeout(() => { delete event.target.dataset.sent; }, 5000);  // a request that was stopped can be sent again
  });
  addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  // --- what went wrong with a request of htmx ---
  const toast = (text) => {
    const box = document.getElementById("toast");
    box.textContent = text;
    box.hidden = false;
    clearTimeout(box.timer);
    box.timer = setTimeout(() => { box.hidden = true; }, 6000);
  };
  document.addEventListener("htmx:responseError", (event) => {
    const answer = event.detail.xhr;
    toast(answer.getResponseHeader("Content-Type")?.startsWith("text/plain") ? answer.responseText : `The server answered ${answer.status}.`);
  });
  document.addEventListener("htmx:sendError", () => toast("The server can't be reached; trying again."));

  // --- live news: a websocket says that something changed, htmx fetches what the page shows ---
  // An element with data-live="<address>" hears `hartley:changed` at most every 300 ms and, with data-live-events,
  // each frame as `hartley:frame`. The socket comes back after 0.5 to 10 s and resumes after the last number it saw.
  const PACE_MS = 300;
  const SLOWEST_MS = 10000;
  const STREAMED = ["LLM_PARTIAL", "TOOL_OUTPUT"];  // text that is in no row yet

  function follow(element) {
    const shown = document.querySelector("[data-live-state]");
    const say = (state) => { if (shown) { shown.textContent = state; shown.dataset.state = state; } };
    let last = element.dataset.liveAfter || "";
    let wait = 500;
    let pending = 0;

    const changed = () => {
      if (pending) return;
      pending = setTimeout(() => { pending = 0; element.dispatchEvent(new CustomEvent("hartley:changed", {bubbles: true})); }, PACE_MS);
    };
    const open = () => {
      const url = new URL(element.dataset.live, location.href);
      url.protocol = url.protocol.replace("http", "ws");
      if (last) url.searchParams.set("last_event_id", last);
      const socket = new WebSocket(url);
      socket.onopen = () => { wait = 500; say("live"); changed(); };
      socket.onmessage = (message) => {
        const body = JSON.parse(message.data);
        if (body.stream_id) last = body.stream_id;
        element.dispatchEvent(new CustomEvent("hartley:frame", {detail: body, bubbles: true}));
        if (!STREAMED.includes(body.type)) changed();
      };
      socket.onclose = (event) => {
        if (!element.isConnected) return;
        if (event.code === 1000) { say("ended"); changed(); return; }
        say("reconnecting");
        setTimeout(open, wait);
        wait = Math.min(SLOWEST_MS, wait * 2);
      };
    };
    open();
  }
  document.querySelectorAll("[data-live]").forEach(follow);

  // --- copy what a button names ---
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    getSelection().selectAllChildren(source);  // also what is left to do by hand where the clipboard is closed: without https
    await navigator.clipboard?.writeText(source.textContent.trim());
    if (navigator.clipboard) button.lastChild.textContent = "Copied";
  });
})();
