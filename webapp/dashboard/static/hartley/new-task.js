// The form of a new task: the list of files, dropping them, the limit, the progress of the upload, one submit.
(() => {
  "use strict";
  const form = document.getElementById("new-task");
  const input = form.querySelector("input[type=file]");
  const list = form.querySelector("[data-files]");
  const drop = form.querySelector("[data-drop]");
  const progress = form.querySelector("[data-progress]");
  const limit = Number(input.dataset.limit);
  const size = (bytes) => bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} bytes`;

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
    input.setCustomValidity(total > limit ? `The files have ${size(total)} together; the limit is ${size(limit)}.` : "");
  };
  input.addEventListener("change", show);
  ["dragover", "drop"].forEach((kind) => drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.dataset.over = kind === "dragover" ? "yes" : "";
    if (kind === "drop") keep([...input.files, ...event.dataTransfer.files]);
  }));
  drop.addEventListener("dragleave", () => { drop.dataset.over = ""; });

  form.addEventListener("submit", (event) => {
    if (!input.files.length) { form.querySelector("button.primary").disabled = true; return; }
    event.preventDefault();
    const request = new XMLHttpRequest();
    const button = form.querySelector("button.primary");
    button.disabled = true;
    progress.hidden = false;
    request.upload.onprogress = (at) => { progress.value = 100 * at.loaded / at.total; };
    request.onload = () => {
      if (new URL(request.responseURL).pathname === "/tasks/new") { document.open(); document.write(request.responseText); document.close(); } else location.assign(request.responseURL);
    };
    request.onerror = () => { button.disabled = false; progress.hidden = true; input.setCustomValidity("The upload broke off; try again."); form.reportValidity(); input.setCustomValidity(""); };
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
})();
