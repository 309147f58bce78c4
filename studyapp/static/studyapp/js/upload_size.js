// Files that are too many bytes together are told before they travel; the server would refuse them afterwards.
for (const input of document.querySelectorAll("input[type=file][data-most-bytes]")) {
  const form = input.form;
  const told = form.querySelector("[data-too-large]");
  const button = form.querySelector("button:not([type=button])");
  input.addEventListener("change", check);
  // What the browser remembered of a page that one came back to.
  check();

  function check() {
    let bytes = 0;
    for (const file of input.files) bytes += file.size;
    const tooLarge = bytes > Number(input.dataset.mostBytes);
    told.hidden = !tooLarge;
    told.firstElementChild.textContent = tooLarge
      ? `These files have ${(bytes / 2 ** 30).toFixed(1)} GiB and at most ${input.dataset.most} are taken at once. Send them in parts, or have them put into a folder on the server.`
      : "";
    button.disabled = tooLarge;
  }
}
