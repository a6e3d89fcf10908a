// What the pages do besides with a script; each works without.
const each = (selector, work) => document.querySelectorAll(selector).forEach(work);

// A page that the browser has kept is asked for anew, so that what was shown once is not shown again by going back.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// How long the code on the phone is still good, for the usual period of 30 seconds.
const left = document.getElementById("left");
if (left) {
  const tell = () => {
    left.textContent = left.dataset.words.replace("{}", 30 - (Math.floor(Date.now() / 1000) % 30));
  };
  tell();
  setInterval(tell, 1000);
}

// A code that came as a whole, by pasting or by the phone's own suggestion, is sent at once; one that is typed is not.
const code = document.querySelector("input[data-length]");
if (code) {
  code.addEventListener("input", (event) => {
    const whole = code.value.replace(/[\s-]/g, "");
    const came = event.inputType === "insertFromPaste" || event.inputType === "insertReplacementText" || !event.inputType;
    if (came && whole.length === Number(code.dataset.length) && /^\d+$/.test(whole)) code.form.requestSubmit();
  });
}

// What needs a script is shown where there is one.
each(".with-script", (part) => { part.hidden = false; });
each("[data-copy]", (button) => button.addEventListener("click", async () => {
  const from = document.getElementById(button.dataset.copy);
  const lines = [...from.children].map((part) => part.textContent.trim());
  await navigator.clipboard.writeText(lines.join(from.matches("ol") ? "\n" : ""));
  button.textContent = button.dataset.done;
}));
each("[data-print]", (button) => button.addEventListener("click", () => window.print()));

// One press sends a form once.
each("form", (form) => form.addEventListener("submit", (event) => {
  if (form.dataset.sent && Date.now() - form.dataset.sent < 5000) event.preventDefault();
  form.dataset.sent = Date.now();
}));
