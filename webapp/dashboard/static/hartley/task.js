// The task page: parts that change alone, the drawer, text as it is written.
(() => {
  "use strict";
  const drawer = document.getElementById("drawer");
  const body = document.getElementById("drawer-body");

  // --- parts: one that is the same is left alone, so that selections and what is read aloud stay; the others keep
  // --- where they were scrolled to. Focus comes back to the same id, which htmx sees to.
  const boxes = (part) => [...part.querySelectorAll(".scroll[id]")].map((box) => [box.id, box.scrollLeft, box.scrollTop]);
  let scrolled = [];
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    const [now, next] = [event.detail.target, event.detail.fragment.firstElementChild];
    if (next && now.innerHTML === next.innerHTML) { event.detail.shouldSwap = false; return; }
    scrolled.push(...boxes(now));
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    for (const [id, left, top] of scrolled) document.getElementById(id)?.scrollTo({left, top, behavior: "instant"});
    scrolled = [];
  });

  // --- what needs attention is in sight: of a wide drawing, the first step that failed or runs ---
  const sight = document.querySelector(".node.failed, .node.running");
  const dag = document.getElementById("dag-scroll");
  if (sight && dag) {
    const [a, b] = [sight.getBoundingClientRect(), dag.getBoundingClientRect()];
    dag.scrollTo({left: a.left - b.left - b.width / 3, top: a.top - b.top - b.height / 3, behavior: "instant"});
  }

  // --- the drawer opens when its content has come, and closes on Escape, on its button and beside it ---
  const address = (step) => {
    const url = new URL(location.href);
    if (step) url.searchParams.set("step", step); else url.searchParams.delete("step");
    history.replaceState(history.state, "", url);
  };
  let unfolded = null;
  const refreshed = (event) => event.detail.requestConfig?.headers["X-Refresh"] === "yes";
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (!refreshed(event)) return;
    const reading = !getSelection().isCollapsed && body.contains(getSelection().anchorNode);
    if (!drawer.open || reading) { event.detail.shouldSwap = false; return; }
    const names = [...body.querySelectorAll("details[open]")].map((one) => one.dataset.name);
    unfolded = {names, top: drawer.scrollTop, inside: [...body.querySelectorAll("pre")].map((one) => one.scrollTop)};
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (!body.contains(event.detail.target) && event.detail.target.id !== "drawer-body") return;
    if (unfolded) {
      for (const name of unfolded.names) body.querySelector(`details[data-name="${name}"]`)?.setAttribute("open", "");
      body.querySelectorAll("pre").forEach((one, at) => { one.scrollTop = unfolded.inside[at] ?? 0; });
      drawer.scrollTop = unfolded.top;
      unfolded = null;
    } else {
      if (!drawer.open) drawer.showModal();
      drawer.scrollTop = 0;
    }
    address(body.querySelector("[data-step]")?.dataset.step);
  });
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer || event.target.closest("[data-close-drawer]")) drawer.close();
  });
  drawer.addEventListener("close", () => address(null));
  document.getElementById("task").addEventListener("hartley:changed", () => {
    const open = drawer.open && body.querySelector("[data-open]")?.dataset.open;
    if (open) htmx.ajax("GET", open, {target: body, swap: "innerHTML", headers: {"X-Refresh": "yes"}});
  });

  // --- text as it is written, by agent; the finished text is in the step, and another attempt begins anew ---
  const area = document.getElementById("typing-area");
  const texts = document.getElementById("texts");
  const over = ["STEP_COMPLETED", "STEP_FAILED", "STEP_RETRYING"];
  const box = (agent) => [...texts.children].find((one) => one.dataset.agent === agent);
  const begun = (agent) => {
    const made = document.createElement("figure");
    made.dataset.agent = agent;
    made.append(
      Object.assign(document.createElement("figcaption"), {textContent: agent}),
      Object.assign(document.createElement("pre"), {tabIndex: 0}),
    );
    texts.append(made);
    return made;
  };
  document.body.addEventListener("hartley:frame", (event) => {
    if (!texts) return;
    const frame = event.detail;
    if (frame.type === "LLM_PARTIAL") {
      const text = (box(frame.agent_id) ?? begun(frame.agent_id)).lastElementChild;
      const follows = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
      text.append(frame.message);
      if (follows) text.scrollTop = text.scrollHeight;
    } else if (frame.type === "STREAM_END") {
      texts.replaceChildren();
    } else if (over.includes(frame.type)) {
      box(frame.payload?.agent || frame.payload?.kind)?.remove();
    }
    area.hidden = !texts.children.length;
  });
})();
