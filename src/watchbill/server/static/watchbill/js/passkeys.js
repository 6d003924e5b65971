// Makes a passkey, or asks one to sign. The answer goes into the hidden field of the
// form; what the browser refuses is said beside the button.
(() => {
  "use strict";
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
      char.charCodeAt(0),
    );
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function options(form) {
    const written = document.getElementById("passkey-options");
    if (written) return JSON.parse(written.textContent).publicKey;
    const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
    const answer = await fetch(form.action, { headers });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return (await answer.json()).request_options.publicKey;
  }

  async function make(form) {
    const wish = await options(form);
    wish.challenge = bytes(wish.challenge);
    wish.user.id = bytes(wish.user.id);
    wish.excludeCredentials = known(wish.excludeCredentials);
    if (form.elements.passwordless.checked) {
      Object.assign(wish.authenticatorSelection, {
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "required",
      });
    }
    const made = await navigator.credentials.create({ publicKey: wish });
    return answerOf(made, {
      attestationObject: text(made.response.attestationObject),
      transports: made.response.getTransports?.() || [],
    });
  }

  async function ask(form) {
    const wish = await options(form);
    wish.challenge = bytes(wish.challenge);
    wish.allowCredentials = known(wish.allowCredentials);
    const found = await navigator.credentials.get({ publicKey: wish });
    return answerOf(found, {
      authenticatorData: text(found.response.authenticatorData),
      signature: text(found.response.signature),
      userHandle: found.response.userHandle ? text(found.response.userHandle) : null,
    });
  }

  function answerOf(credential, more) {
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: { clientDataJSON: text(credential.response.clientDataJSON), ...more },
    };
  }

  for (const form of document.querySelectorAll("[data-passkey]")) {
    const state = form.querySelector("[data-passkey-state]");
    form.hidden = false;
    if (!window.PublicKeyCredential) {
      state.textContent = form.dataset.missing;
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      continue;
    }
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      state.textContent = "";
      try {
        const answer = await (form.dataset.passkey === "make" ? make(form) : ask(form));
        form.elements.credential.value = JSON.stringify(answer);
        form.submit();
      } catch (error) {
        state.textContent = `${form.dataset.refused} (${error.name})`;
      }
    });
  }
})();
