// The token stands in the fragment of the address, which no browser sends: it goes into the form, and out of the address.
function enter() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const form = document.getElementById("entrance");
  form.elements.token.value = token;
  form.requestSubmit();
}

// An address pasted into a tab that shows this page already loads nothing: only its fragment changes.
addEventListener("hashchange", enter);
enter();
