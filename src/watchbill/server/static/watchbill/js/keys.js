/* Single-key shortcuts: j k move, a acknowledge, r resolve, e escalate,
 * s change the severity, ? help.
 *
 * Enter needs no code: j and k move the real focus between links [data-row].
 * A key acts on the visible element [data-key="…"]: a fold opens and its first control
 * takes the focus (nothing is sent), a button is pressed. Keys are silent while typing,
 * with a modifier held, and when switched off in the help (WCAG 2.1.4).
 */
(() => {
  const STORE = "watchbill-keys-off";
  const help = document.getElementById("keys-help");
  const toggle = document.getElementById("keys-off");

  function isOff() {
    try {
      return localStorage.getItem(STORE) === "1";
    } catch {
      return false; // storage forbidden: the shortcuts stay on
    }
  }

  function move(step) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const here = rows.indexOf(document.activeElement);
    const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step;
    const row = rows[Math.min(rows.length - 1, Math.max(0, next))];
    row.focus();
    row.scrollIntoView({ block: "nearest" });
  }

  function press(key) {
    const element = document.querySelector(`[data-key="${key}"]`);
    if (!element) return;
    if (element.tagName !== "DETAILS") {
      element.click();
      return;
    }
    element.open = true;
    element.querySelector("select, textarea, input:not([type=hidden]), button")?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    if (event.key === "?" && help) help.showModal();
    else if (isOff()) return;
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if ("ares".includes(event.key) && !event.repeat) press(event.key);
    else return;
    event.preventDefault();
  });

  document.querySelector("[data-keys-help]")?.addEventListener("click", () => help?.showModal());
  if (toggle) {
    toggle.checked = isOff();
    toggle.addEventListener("change", () => {
      try {
        localStorage.setItem(STORE, toggle.checked ? "1" : "0");
      } catch {
        toggle.checked = false;
      }
    });
  }
})();
