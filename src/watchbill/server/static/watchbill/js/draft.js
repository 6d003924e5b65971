/* The editor of the plan: nothing that was typed is lost, and numbers keep up with lines.
 *
 * What is typed is kept in this browser tab until it is proposed, so that a session that
 * ended or a tab that crashed costs nothing. The page works without this file.
 */
(() => {
  const area = document.querySelector("textarea[data-draft]");
  if (!area) return;
  const key = `watchbill-draft-${area.dataset.draft}`;
  const numbers = document.querySelector(".editor-numbers");

  function number() {
    const wanted = Math.min(area.value.split("\n").length, 50000);
    for (let next = numbers.childElementCount + 1; next <= wanted; next += 1) {
      const span = document.createElement("span");
      span.id = `L${next}`;
      span.textContent = next;
      numbers.append(span, "\n");
    }
  }

  function read() {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  }

  function keep() {
    try {
      sessionStorage.setItem(key, area.value);
    } catch {
      // No room or no permission: the form itself still holds the text.
    }
  }

  let waiting;
  area.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      keep();
      number();
    }, 300);
  });

  const kept = read();
  if (kept !== null && kept !== area.value) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-s";
    button.textContent = area.dataset.restore;
    button.addEventListener("click", () => {
      area.value = kept;
      number();
      button.remove();
      area.focus();
    });
    document.getElementById("messages").append(button);
  }
})();
