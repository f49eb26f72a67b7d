for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  let back;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const block = document.getElementById(button.dataset.copy);
    const said = document.getElementById("said");
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
      said.textContent = "Copied.";
    } catch (error) {
      // Browsers keep the clipboard from pages that came without TLS.
      getSelection().selectAllChildren(block);
      button.textContent = "Selected";
      said.textContent = "Selected; copy it with the keyboard.";
    }
    clearTimeout(back);
    back = setTimeout(() => { button.textContent = label; }, 3000);
  });
}
