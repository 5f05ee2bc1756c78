// What tools print while they run: on the task's page, and in the drawer of a running step. It is text and never markup.
(() => {
  "use strict";
  const KEPT_CHARS = 200_000;  // of one call, the latest; its step has all of it in the end
  const KEPT_CALLS = 6;  // that have ended
  const area = document.getElementById("printing-area");
  const list = document.getElementById("outputs");
  const over = new Set();  // steps whose result is known: what comes late is no news
  const box = (step) => [...list.children].find((one) => one.dataset.step === String(step));
  const made = (tag, className, text) => Object.assign(document.createElement(tag), {className, textContent: text});

  const begun = ({payload: {step, tool}, agent_id: agent}) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const link = made("a", "", `${tool}, step ${step}`);
    link.href = `${list.dataset.steps}${step}`;
    link.setAttribute("hx-get", link.getAttribute("href"));
    link.setAttribute("hx-target", "#drawer-body");
    caption.append(link, " ", made("span", "badge run", "running"), " ", made("span", "muted small", agent));
    figure.dataset.step = step;
    figure.append(caption, Object.assign(made("pre", "output", ""), {tabIndex: 0}));
    list.append(figure);
    area.hidden = false;  // before it grows: what is not drawn can't be scrolled
    htmx.process(figure);
    return figure;
  };

  // Follows the end, unless the reader has scrolled away from it.
  const grow = (pre, text, stream) => {
    const follows = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
    let chars = Number(pre.dataset.chars ?? 0) + text.length;
    pre.append(made("span", stream, text));
    while (chars > KEPT_CHARS && pre.childElementCount > 1) {
      chars -= pre.firstElementChild.textContent.length;
      pre.firstElementChild.remove();
    }
    pre.dataset.chars = chars;
    if (follows) pre.scrollTop = pre.scrollHeight;
  };

  const end = (figure, state, tone, text) => {
    if (!figure || figure.dataset.ended) return;
    const badge = figure.querySelector(".badge");
    badge.textContent = state;
    badge.className = `badge ${tone}`;
    figure.dataset.ended = "yes";
    if (text) figure.lastElementChild.replaceChildren(text);
    [...list.querySelectorAll("[data-ended]")].slice(0, -KEPT_CALLS).forEach((old) => old.remove());
  };

  const heard = {
    TOOL_OUTPUT(frame) {
      const {step, stream} = frame.payload;
      if (over.has(step)) return;
      grow((box(step) ?? begun(frame)).lastElementChild, frame.message, stream);
      const copy = document.querySelector(`[data-output-of="${Number(step)}"]`);
      if (!copy) return;
      copy.parentElement.hidden = false;
      grow(copy, frame.message, stream);
    },
    TOOL_OBSERVATION({payload, message}) {
      const [state, tone] = payload.success ? ["done", "good"] : ["failed", "bad"];
      end(box(payload.step), state, tone, payload.error?.message ?? message);
      over.add(payload.step);
    },
    STEP_FAILED({payload}) {
      end(box(payload.step), "failed", "bad");
      over.add(payload.step);
    },
    STEP_RETRYING({payload}) {
      box(payload.step)?.remove();
      over.add(payload.step);
    },
    STEP_STARTED({payload}) { over.delete(payload.step); },
    STREAM_END() { for (const one of list.children) end(one, "stopped", "quiet"); },
  };
  document.body.addEventListener("hartley:frame", ({detail: frame}) => {
    heard[frame.type]?.(frame);
    area.hidden = !list.children.length;
  });

  // --- the drawer of a running step begins with what has been heard of it ---
  document.body.addEventListener("htmx:afterSwap", () => {
    const copy = document.querySelector("[data-output-of]");
    const pre = copy && box(copy.dataset.outputOf)?.lastElementChild;
    if (!pre || copy.childNodes.length) return;
    copy.replaceChildren(...[...pre.childNodes].map((one) => one.cloneNode(true)));
    copy.dataset.chars = pre.dataset.chars;
    copy.parentElement.hidden = false;
    copy.scrollTop = copy.scrollHeight;
  });
})();
