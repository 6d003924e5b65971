/* The calendar of a schedule: drag over a stretch, or select it with the keyboard.
 *
 * The server draws it and every block is a link to a form, so that nothing here is
 * needed. A drag or Shift with arrows selects a stretch of one duty; the dialog that opens
 * is the same form, filled in, and shows what it would change before it is sent. Dragging
 * the edge of a shift gives the stretch between to whoever then holds it.
 *
 * Places are real time, linear over a row: [data-starts] to [data-ends]. The fields of
 * the form are wall times in the zone of the schedule, [data-zone].
 */
(() => {
  const calendar = document.getElementById("calendar");
  if (!calendar) return;
  const dialog = document.getElementById("override-dialog");
  const form = document.getElementById("override-form");
  const help = document.getElementById("calendar-help");
  const MINUTE = 60000;
  const step = Number(calendar.dataset.step) * MINUTE;
  const keyStep = { 60: 360, 120: 720, 360: 1440 }[calendar.dataset.step] * MINUTE;
  const lane = Number(calendar.dataset.lane);
  const top = Number(calendar.dataset.top);
  const FAR = 6; // pixels before a press is a drag
  const EDGE = { mouse: 7, pen: 9, touch: 14 };

  const wallFormat = new Intl.DateTimeFormat("en-GB", {
    timeZone: calendar.dataset.zone, hourCycle: "h23",
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });

  function wall(instant) {
    const part = Object.fromEntries(wallFormat.formatToParts(instant).map((one) => [one.type, one.value]));
    return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
  }

  const says = document.createElement("p");
  says.className = "sr-only";
  says.setAttribute("aria-live", "polite");
  calendar.after(says);

  // ── Places ──────────────────────────────────────────────────────────────────────

  const starts = (strip) => Date.parse(strip.dataset.starts);
  const ends = (strip) => Date.parse(strip.dataset.ends);
  const duties = (strip) => strip.dataset.duties.split(",");
  const strips = () => [...calendar.querySelectorAll("[data-strip]")];
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  function instantAt(strip, x, snap = step) {
    const box = strip.getBoundingClientRect();
    const part = clamp((x - box.left) / box.width, 0, 1);
    const since = part * (ends(strip) - starts(strip));
    return clamp(starts(strip) + Math.round(since / snap) * snap, starts(strip), ends(strip));
  }

  function placeOf(strip, at) {
    const box = strip.getBoundingClientRect();
    return box.left + (box.width * (at - starts(strip))) / (ends(strip) - starts(strip));
  }

  function laneAt(strip, y) {
    const row = Math.floor((y - strip.getBoundingClientRect().top - top) / lane);
    return row >= 0 && row < duties(strip).length ? row : -1;
  }

  // ── The stretch that is selected ────────────────────────────────────────────────

  let selected = null; // {strip, row, from, to, anchor}

  function draw() {
    for (const one of calendar.querySelectorAll("[data-selection]")) one.classList.remove("is-on");
    if (!selected) return;
    const { strip, row, from, to } = selected;
    const span = ends(strip) - starts(strip);
    const box = strip.querySelector("[data-selection]");
    box.setAttribute("x", `${(100 * (from - starts(strip))) / span}%`);
    box.setAttribute("width", `${(100 * (to - from)) / span}%`);
    box.setAttribute("y", top + row * lane + 1);
    box.classList.add("is-on");
  }

  function select(next) {
    selected = next;
    draw();
    if (next) says.textContent = `${duties(next.strip)[next.row]}: ${wall(next.from)} – ${wall(next.to)}`.replaceAll("T", " ");
  }

  // ── The dialog ──────────────────────────────────────────────────────────────────

  let previewing = null;

  // A wall time is two fields: a date, and a time by the 24-hour clock.
  function fill(name, text) {
    const [day, time] = text.split("T");
    form.elements[`${name}_0`].value = day;
    form.elements[`${name}_1`].value = time;
  }

  function open({ duty, from, to, contact }) {
    if (!dialog) return;
    form.elements.duty.value = duty;
    if (from) fill("starts_at", from);
    if (to) fill("ends_at", to);
    if (contact !== undefined) form.elements.contact.value = contact;
    document.getElementById("override-preview").replaceChildren();
    dialog.showModal();
    form.elements.contact.focus();
    preview();
  }

  function openSelected(contact) {
    if (!selected || selected.to <= selected.from) return;
    const { strip, row, from, to } = selected;
    open({ duty: duties(strip)[row], from: wall(from), to: wall(to), contact });
  }

  async function preview() {
    if (!form.checkValidity()) return;
    previewing?.abort();
    previewing = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("step", "preview");
    try {
      const answer = await fetch(form.action, { method: "POST", body, signal: previewing.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById("override-preview");
      if (found) document.getElementById("override-preview").replaceWith(document.adoptNode(found));
    } catch {
      // A newer preview, or no line: the form still says itself what is wrong when it is sent.
    }
  }

  if (dialog) {
    let waiting = null;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(preview, 250);
    });
    dialog.addEventListener("close", () => select(null));
    for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
    document.querySelector("[data-new-override]")?.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open({ duty: form.elements.duty.value });
    });
  }

  // ── Pointers ────────────────────────────────────────────────────────────────────

  let drag = null;
  let swallow = false;

  function edgeOf(event, strip) {
    const shift = event.target.closest("[data-shift]");
    if (!shift) return null;
    const reach = EDGE[event.pointerType] ?? EDGE.mouse;
    const [from, to] = [Date.parse(shift.dataset.from), Date.parse(shift.dataset.to)];
    // Of the block, and not of its name, which may be cut off far beyond its end.
    const [left, right] = [placeOf(strip, from), placeOf(strip, to)];
    if (right - left < 3 * reach) return null;
    if (event.clientX > right - reach && to < ends(strip)) return { shift, at: to, isEnd: true };
    if (event.clientX < left + reach && from > starts(strip)) return { shift, at: from, isEnd: false };
    return null;
  }

  function neighbour({ shift, at, isEnd }) {
    const same = [...shift.parentNode.querySelectorAll(`[data-shift][data-duty="${shift.dataset.duty}"]`)];
    return same.find((one) => Date.parse(isEnd ? one.dataset.from : one.dataset.to) === at)?.dataset.holder ?? "";
  }

  function stretch(event) {
    const at = instantAt(drag.strip, event.clientX);
    const anchor = drag.edge ? drag.edge.at : drag.at;
    select({ strip: drag.strip, row: drag.row, from: Math.min(anchor, at), to: Math.max(anchor, at), anchor });
  }

  /** Who holds a stretch by which an edge was moved: the one of the shift that grew. */
  function heir() {
    if (!drag.edge) return undefined;
    const grew = drag.edge.isEnd ? selected.to > drag.edge.at : selected.from < drag.edge.at;
    return grew ? drag.edge.shift.dataset.holder : neighbour(drag.edge);
  }

  calendar.addEventListener("pointerdown", (event) => {
    const strip = event.target.closest("[data-strip]");
    if (!dialog || !strip || event.button !== 0 || !event.isPrimary) return;
    const row = laneAt(strip, event.clientY);
    if (row < 0) return;
    const edge = edgeOf(event, strip);
    drag = { strip, row, edge, x: event.clientX, at: instantAt(strip, event.clientX), isOn: false };
  });

  calendar.addEventListener("pointermove", (event) => {
    if (!drag) {
      const strip = event.target.closest("[data-strip]");
      if (strip && dialog) strip.classList.toggle("is-edge", Boolean(edgeOf(event, strip)));
      return;
    }
    if (!drag.isOn && Math.abs(event.clientX - drag.x) > FAR) {
      drag.isOn = true;
      calendar.setPointerCapture(event.pointerId);
    }
    if (drag.isOn) stretch(event);
  });

  calendar.addEventListener("pointerup", (event) => {
    if (drag?.isOn) {
      stretch(event);
      swallow = true;
      setTimeout(() => { swallow = false; });
      openSelected(heir());
    }
    drag = null;
  });

  calendar.addEventListener("pointercancel", () => {
    drag = null;
    select(null);
  });
  calendar.addEventListener("dragstart", (event) => event.preventDefault());

  calendar.addEventListener("click", (event) => {
    const shift = event.target.closest("[data-shift]");
    if (swallow) event.preventDefault();
    if (swallow || !shift || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const asked = new URL(shift.getAttribute("href"), location.href).searchParams;
    open({ duty: asked.get("duty"), from: asked.get("from"), to: asked.get("to") });
  });

  // ── Keys ────────────────────────────────────────────────────────────────────────

  function begin(strip) {
    const box = document.body.dataset.serverNow;
    const now = Date.parse(box);
    const at = now >= starts(strip) && now < ends(strip) ? now : starts(strip);
    const from = starts(strip) + Math.floor((at - starts(strip)) / keyStep) * keyStep;
    return { strip, row: 0, from, to: from + keyStep, anchor: from };
  }

  function move(key, isExtending) {
    const { strip, row, from, to, anchor } = selected;
    const by = key === "ArrowRight" ? keyStep : -keyStep;
    if (key === "ArrowUp" || key === "ArrowDown") {
      const next = row + (key === "ArrowDown" ? 1 : -1);
      if (next >= 0 && next < duties(strip).length) return select({ ...selected, row: next });
      const all = strips();
      const other = all[all.indexOf(strip) + (key === "ArrowDown" ? 1 : -1)];
      if (!other) return undefined;
      const shifted = starts(other) - starts(strip);
      select({
        strip: other, row: key === "ArrowDown" ? 0 : duties(other).length - 1,
        from: from + shifted, to: to + shifted, anchor: anchor + shifted,
      });
      return other.focus();
    }
    if (!isExtending) {
      const start = clamp((by > 0 ? to - keyStep : from) + by, starts(strip), ends(strip) - keyStep);
      return select({ ...selected, from: start, to: start + keyStep, anchor: start });
    }
    // The far end moves; the stretch that was begun with stays inside.
    const isForward = to > anchor + keyStep || (from === anchor && by > 0);
    if (isForward) return select({ ...selected, to: clamp(to + by, anchor + keyStep, ends(strip)) });
    return select({ ...selected, from: clamp(from + by, starts(strip), anchor), to: anchor + keyStep });
  }

  calendar.addEventListener("keydown", (event) => {
    if (!dialog || event.ctrlKey || event.metaKey || event.altKey) return;
    const strip = event.target.closest("[data-strip]");
    if (!strip) return;
    const shift = event.target.closest("[data-shift]");
    if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      if (shift) {
        const from = Date.parse(shift.dataset.from);
        const row = duties(strip).indexOf(shift.dataset.duty);
        select({ strip, row, from, to: Math.min(from + keyStep, ends(strip)), anchor: from });
        strip.focus();
      } else if (selected?.strip === strip) move(event.key, event.shiftKey);
      else select(begin(strip));
    } else if (event.key === "Enter" && event.target === strip) {
      event.preventDefault();
      if (!selected) select(begin(strip));
      openSelected();
    } else if (event.key === "Escape") select(null);
  });

  calendar.addEventListener("focusin", (event) => {
    if (dialog && event.target.matches("[data-strip]:focus-visible") && selected?.strip !== event.target) select(begin(event.target));
  });

  const GO = { t: "today", w: "week", f: "fortnight", m: "month", p: "previous", n: "next" };

  function areKeysOff() {
    try {
      return localStorage.getItem("watchbill-keys-off") === "1";
    } catch {
      return false;
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
    if (event.key === "?") {
      help?.showModal();
      event.stopImmediatePropagation();
      event.preventDefault();
    } else if (!areKeysOff() && GO[event.key]) document.querySelector(`[data-go="${GO[event.key]}"]`)?.click();
  }, true);

  // ── What needs a script to be of use ────────────────────────────────────────────

  function enhance() {
    const own = calendar.querySelector("[data-own-zone]");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (own && zone && zone !== calendar.dataset.zone) {
      const there = new URL(own.href);
      there.searchParams.set("zone", zone);
      own.href = there.href;
      own.querySelector("span").textContent = zone;
      own.hidden = false;
    }
    for (const button of calendar.querySelectorAll("[data-hide-with-js]")) button.hidden = true;
    draw();
  }
  calendar.addEventListener("change", (event) => event.target.matches("[data-submit]") && event.target.form.requestSubmit());
  document.addEventListener("htmx:after:swap", enhance);
  enhance();
})();
