// The form of a new task: the list of files, dropping them, the limit, the progress of the upload, what was refused.
(() => {
  "use strict";
  const form = document.getElementById("new-task");
  const input = form.querySelector("input[type=file]");
  const list = form.querySelector("[data-files]");
  const drop = form.querySelector("[data-drop]");
  const progress = form.querySelector("[data-progress]");
  const button = form.querySelector("button.primary");
  const limit = Number(input.dataset.limit);
  const size = (bytes) => bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} bytes`;
  const busy = (is) => { button.disabled = is; progress.hidden = !is; progress.value = 0; };

  // --- the files ---
  const keep = (files) => {
    const kept = new DataTransfer();
    files.forEach((file) => kept.items.add(file));
    input.files = kept.files;
    show();
  };
  const show = () => {
    list.replaceChildren(...[...input.files].map((file, at) => {
      const row = document.createElement("li");
      const remove = Object.assign(document.createElement("button"), {type: "button", className: "quiet", textContent: "Remove"});
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      remove.addEventListener("click", () => keep([...input.files].filter((_, other) => other !== at)));
      row.append(`${file.name}, ${size(file.size)} `, remove);
      return row;
    }));
    const total = [...input.files].reduce((sum, file) => sum + file.size, 0);
    say("context", total > limit ? `Have ${size(total)} together; the limit is ${size(limit)}` : "");
    input.setCustomValidity(total > limit ? "Too large together" : "");
  };
  input.addEventListener("change", show);
  ["dragover", "drop"].forEach((kind) => drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.dataset.over = kind === "dragover" ? "yes" : "";
    if (kind === "drop") keep([...input.files, ...event.dataTransfer.files]);
  }));
  drop.addEventListener("dragleave", () => { drop.dataset.over = ""; });

  // --- what is wrong, beside its field ---
  const say = (name, text) => {
    const slot = form.querySelector(`[data-error="${name}"]`);
    slot.textContent = text;
    form.querySelector(`[aria-describedby~="${slot.id}"]`).setAttribute("aria-invalid", text ? "true" : "false");
  };
  const refused = (answer) => {
    const page = new DOMParser().parseFromString(answer.responseText, "text/html");
    const told = [...page.querySelectorAll("[data-error]")].filter((slot) => slot.textContent.trim());
    form.querySelectorAll("[data-error]").forEach((slot) => say(slot.dataset.error, ""));
    told.forEach((slot) => say(slot.dataset.error, slot.textContent.trim()));
    if (!told.length) say("context", `The server answered ${answer.status}`);
  };

  // --- with files: what was chosen stays chosen when it is refused, and the upload is seen ---
  form.addEventListener("submit", (event) => {
    if (!input.files.length) return;
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.upload.onprogress = (at) => { progress.value = 100 * at.loaded / at.total; };
    request.onload = () => {
      if (new URL(request.responseURL).pathname !== "/tasks/new") { location.assign(request.responseURL); return; }
      busy(false);
      refused(request);
    };
    request.onerror = () => { busy(false); say("context", "The upload broke off; try again"); };
    request.open("POST", form.action);
    request.send(new FormData(form));
    busy(true);
  });
  addEventListener("pageshow", () => { busy(false); show(); });
})();
