// Brings the figures of a console up to date, until somebody stops it; never under the keyboard of who is reading.
const SECONDS = 15;
const live = document.getElementById("live");
const button = document.getElementById("refresh");
const stale = document.getElementById("stale");
let timer = 0;

async function refresh() {
  if (live.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    live.replaceChildren(...page.getElementById("live").childNodes);
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

function set(running) {
  clearInterval(timer);
  timer = running ? setInterval(refresh, SECONDS * 1000) : 0;
  button.setAttribute("aria-pressed", String(running));
}

button.addEventListener("click", () => set(!timer));
button.hidden = false;
set(true);
