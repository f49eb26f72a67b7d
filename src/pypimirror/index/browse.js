"use strict";
// The address of the mirror, where the page was written without base_url.
const index = new URL(document.body.dataset.root || ".", location).href;
for (const block of document.querySelectorAll("pre[data-http]")) {
  const text = location.protocol === "http:" ? block.dataset.http : block.textContent;
  block.textContent = text.replace(/https?:\/\/mirror\.invalid\//g, index).replaceAll("mirror.invalid", location.host);
}
for (const note of document.querySelectorAll("[data-anywhere-note]")) note.hidden = true;

for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  let back;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const block = document.getElementById(button.dataset.copy);
    const copied = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
      copied.textContent = "Copied.";
    } catch (error) {
      // Browsers keep the clipboard from pages that came without TLS.
      getSelection().selectAllChildren(block);
      button.textContent = "Selected";
      copied.textContent = "Selected; copy it with the keyboard.";
    }
    clearTimeout(back);
    back = setTimeout(() => { button.textContent = label; }, 3000);
  });
}

const changed = document.getElementById("changed");
if (changed) {
  const when = new Date(document.lastModified);
  changed.append(when.toISOString().slice(0, 16).replace("T", " ") + " UTC");
  changed.parentElement.hidden = false;
}

const normal = (text) => text.trim().toLowerCase().replace(/[-_.]+/g, "-");

// Filters a list of links or of releases while one types.
const filter = document.getElementById("filter");
if (filter) {
  const items = [...document.querySelectorAll("[data-filter] > [data-key]")];
  const count = document.getElementById("count");
  const all = count.textContent;
  const opened = items.filter((item) => item.open);
  filter.hidden = false;
  const box = filter.querySelector("input");
  const apply = () => {
    const wanted = filter.dataset.plain ? box.value.trim().toLowerCase() : normal(box.value);
    let found = 0;
    for (const item of items) {
      const shown = item.dataset.key.includes(wanted);
      item.hidden = !shown;
      if (shown) found += 1;
      if (item.tagName === "DETAILS") item.open = wanted ? shown : opened.includes(item);
    }
    count.textContent = wanted ? `${found.toLocaleString("en")} of ${items.length.toLocaleString("en")} match.` : all;
  };
  box.addEventListener("input", apply);
  // With an action, the server searches.
  if (!filter.hasAttribute("action")) filter.addEventListener("submit", (event) => event.preventDefault());
  if (box.value) apply();
}

// Opens the page of a project by its name, where the page is too long to have a list.
const go = document.getElementById("go");
if (go) {
  go.hidden = false;
  go.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = normal(go.querySelector("input").value);
    if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) location.href = `${name}/browse.html`;
  });
}
