
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const block = document.getElementById(button.dataset.copy);
    const said = document.getElementById("said");
    try {
      await navigator.clipboard.writeText(block.textContent);
      said.textContent = "Copied.";
    } catch (error) {
      // Browsers keep the clipboard from pages that came without TLS.
      getSelection().selectAllChildren(block);
      said.textContent = "Selected; copy it with the keyboard.";
    }
  });
}
