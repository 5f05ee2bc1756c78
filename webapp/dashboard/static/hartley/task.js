// The task page: the drawer, text as it is written, and the place where one was while fragments are renewed.
(() => {
  "use strict";
  const drawer = document.getElementById("drawer");

  // --- the drawer opens when its content has come, and closes on Escape, on its button and beside it ---
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "drawer-body" && !drawer.open) drawer.showModal();
  });
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer || event.target.closest("[data-close-drawer]")) drawer.close();
  });

  // --- where one was: scrolled to in the drawing, focused, filtered ---
  let kept = null;
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "task") return;
    const scrolled = ["dag-scroll", "line-scroll"].map((id) => [id, document.getElementById(id)?.scrollLeft]);
    kept = {scrolled, focused: document.activeElement?.id, top: scrollY};
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "task" || !kept) return;
    for (const [id, left] of kept.scrolled) { const box = document.getElementById(id); if (box && left) box.scrollLeft = left; }
    scrollTo({top: kept.top, behavior: "instant"});
    if (kept.focused) document.getElementById(kept.focused)?.focus({preventScroll: true});
  });

  // --- text as it is written, by agent; the finished text is in the step ---
  const area = document.getElementById("typing-area");
  const texts = document.getElementById("texts");
  document.body.addEventListener("hartley:frame", (event) => {
    const frame = event.detail;
    const id = `text-${frame.agent_id}`;
    if (frame.type === "LLM_PARTIAL") {
      let box = document.getElementById(id);
      if (!box) {
        box = Object.assign(document.createElement("pre"), {id, className: "text-live", tabIndex: 0});
        box.dataset.agent = frame.agent_id;
        const name = Object.assign(document.createElement("h3"), {textContent: frame.agent_id, id: `${id}-name`});
        texts.append(name, box);
      }
      box.textContent += frame.message;
      area.hidden = false;
    } else if (frame.type === "LLM_OUTPUT" || frame.type === "STREAM_END") {
      const agents = frame.type === "STREAM_END" ? [...texts.querySelectorAll("pre")].map((box) => box.id) : [id];
      for (const each of agents) { document.getElementById(each)?.remove(); document.getElementById(`${each}-name`)?.remove(); }
      area.hidden = !texts.children.length;
    }
  });
})();
