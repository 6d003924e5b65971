/* Small enhancements; every page works without them.
 *
 * Theme toggle (cookie "theme", read by the server so that no page flashes), menus that
 * close, copy buttons, and an honest answer when a request got no answer: on a bad line
 * the worst thing a button can do is look pressed.
 */
(() => {
  const root = document.documentElement;
  const words = document.getElementById("words")?.dataset ?? {};
  const YEAR_S = 31536000;

  const wantsDark = () => window.matchMedia("(prefers-color-scheme: dark)").matches;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : wantsDark());

  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const theme = isDark() ? "light" : "dark";
      root.dataset.theme = theme;
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
    });
  }

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  }
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const fold = event.target.closest?.("details[open]");
    closeMenus();
    if (!fold) return;
    fold.open = false;
    fold.querySelector("summary").focus();
  });

  for (const button of document.querySelectorAll("[data-copy], [data-print]")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    if (event.target.closest("[data-print]")) window.print();
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      toast(words.copied);
    } catch {
      toast(words.copyFailed);
    }
  });

  function toast(text, retry) {
    const region = document.getElementById("toasts");
    if (!region || !text) return;
    const box = document.createElement("div");
    box.className = "toast";
    box.append(text);
    if (retry) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-s";
      button.textContent = words.tryAgain;
      button.addEventListener("click", () => {
        box.remove();
        retry();
      });
      box.append(button);
    } else {
      setTimeout(() => box.remove(), 6000);
    }
    region.replaceChildren(box);
  }

  // Only what the person sent is reported; a background refresh is the live indicator's business.
  const isAction = (ctx) => ctx?.request?.method === "POST";

  document.addEventListener("htmx:before:request", (event) => {
    if (isAction(event.detail.ctx)) document.body.classList.add("is-sending");
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (isAction(event.detail.ctx)) document.body.classList.remove("is-sending");
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx } = event.detail;
    const form = ctx?.sourceElement;
    if (isAction(ctx) && form?.isConnected) toast(words.notSent, () => form.requestSubmit?.());
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (isAction(ctx)) toast(words.refused.replace("{code}", ctx.response.status));
  });

  // Signed out meanwhile: the answer is the sign-in page, which belongs in no fragment.
  document.addEventListener("htmx:before:response", (event) => {
    const { raw } = event.detail.ctx.response;
    if (!raw.redirected) return;
    const asked = new URL(event.detail.ctx.request.action, location.href);
    const got = new URL(raw.url);
    const expected = isAction(event.detail.ctx) ? location.pathname : asked.pathname;
    if (got.pathname === expected) return;
    event.preventDefault();
    if (got.searchParams.has("next")) location.reload();
    else location.assign(got.href);
  });

  // After an action the page is new around the person: say so where a screen reader listens.
  document.addEventListener("htmx:after:swap", (event) => {
    if (!isAction(event.detail.ctx) || document.activeElement !== document.body) return;
    document.getElementById("main")?.focus({ preventScroll: true });
  });
})();
