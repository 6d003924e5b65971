/* Ticks the clocks of the page in the product's time.
 *
 * The client's clock is not trusted and may stand days off: the page carries the server's
 * instant (body[data-server-now]) and the rate at which product time runs
 * (body[data-clock-rate], 60 in the demo), and monotonic performance.now() measures from
 * there. Each fragment may carry a newer reading in its own [data-server-now].
 *
 *   <time data-countdown="ISO">  in 4 min 12 s · due now · 2 min late
 *   <time data-since="ISO">      12 min ago
 *   <time data-elapsed="ISO">    12 min 40 s
 *
 * Without JavaScript the element keeps the absolute time that the server wrote.
 */
(() => {
  const words = document.getElementById("words").dataset;
  const rate = Number(document.body.dataset.clockRate) || 1;
  let base = Date.parse(document.body.dataset.serverNow) || Date.now();
  let baseAt = performance.now();

  const now = () => base + (performance.now() - baseAt) * rate;
  const say = (pattern, text) => pattern.replace("{t}", text);

  function duration(seconds, precise) {
    const parts = [
      [Math.floor(seconds / 86400), words.d],
      [Math.floor(seconds / 3600) % 24, words.h],
      [Math.floor(seconds / 60) % 60, words.min],
      [Math.floor(seconds) % 60, words.s],
    ];
    const first = parts.findIndex(([count]) => count > 0);
    if (first < 0) return `0 ${words.s}`;
    // Days and hours need no seconds; the last minutes do.
    const length = precise || first === 1 ? 2 : 1;
    return parts
      .slice(first, first + length)
      .filter(([count], index) => index === 0 || count > 0 || (precise && first >= 2))
      .map(([count, unit]) => `${count} ${unit}`)
      .join(" ");
  }

  function countdown(element) {
    const left = (Date.parse(element.dataset.countdown) - now()) / 1000;
    // The engine fires within a second and the news needs a few more: not yet late.
    const isLate = left < -5 * rate;
    element.classList.toggle("is-late", isLate);
    if (left <= 0 && !isLate) return words.due;
    return left > 0
      ? say(words.in, duration(Math.ceil(left), true))
      : say(words.late, duration(-left, false));
  }

  function since(element) {
    const passed = Math.max(0, (now() - Date.parse(element.dataset.since)) / 1000);
    return passed < 10 ? words.justNow : say(words.ago, duration(passed, false));
  }

  function elapsed(element) {
    return duration(Math.max(0, (now() - Date.parse(element.dataset.elapsed)) / 1000), true);
  }

  function write(element, text) {
    element.title ||= element.textContent.trim();
    if (element.textContent !== text) element.textContent = text;
  }

  function tick() {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("time[data-countdown]")) write(element, countdown(element));
    for (const element of document.querySelectorAll("time[data-since]")) write(element, since(element));
    for (const element of document.querySelectorAll("time[data-elapsed]")) write(element, elapsed(element));
  }

  function resync(event) {
    const reading = event.target.closest?.("[data-server-now]");
    const instant = reading && reading !== document.body && Date.parse(reading.dataset.serverNow);
    if (instant) {
      base = instant;
      baseAt = performance.now();
    }
    tick();
  }

  document.addEventListener("htmx:after:swap", resync);
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 1000);
  tick();
})();
