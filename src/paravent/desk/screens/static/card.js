// Reading a card: a scanner that types, a picture file, the camera. Pictures go to this desk's own service, on this machine.

const form = document.getElementById("check");
const fields = { card: form.elements.card, name: form.elements.name, birth: form.elements.birth_date };
const view = document.getElementById("view");
const camera = document.getElementById("camera");
// A card as it is printed, or as a scanner types it on a French keyboard.
const CARD = /^(PV1:|PV&M)/;
const FRAME_MILLISECONDS = 300;

function say(what) {
  for (const line of document.querySelectorAll("#reading [data-said]")) line.hidden = line.dataset.said !== what;
}

function take(card) {
  fields.card.value = card;
  say("read");
  (fields.name.value ? fields.birth : fields.name).focus();
}

// A scanner ends with Enter: the form waits for what only the customer can say.
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
  const typed = event.target;
  if (typed !== fields.card && CARD.test(typed.value)) {
    fields.card.value = typed.value;
    typed.value = "";
  }
  if (CARD.test(fields.card.value) && !(fields.name.value && fields.birth.value)) {
    event.preventDefault();
    take(fields.card.value);
  }
});

// Gives the text of the card, or says what is wrong with the picture.
async function read(picture) {
  if (picture.size > Number(form.dataset.bytes)) return { wrong: "large" };
  try {
    const answer = await fetch("/card-pictures", {
      method: "POST", body: picture, headers: { "x-csrf": form.dataset.csrf, "content-type": "application/octet-stream" },
    });
    if (answer.ok) return await answer.json();
    return { wrong: { 403: "ended", 413: "large" }[answer.status] || "unreadable" };
  } catch {
    return { wrong: "stopped" };
  }
}

document.getElementById("picture").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  say("working");
  const { card, wrong } = await read(file);
  card ? take(card) : say(wrong);
});

camera.addEventListener("click", async () => {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  } catch {
    say("camera");
    return;
  }
  view.srcObject = stream;
  view.hidden = false;
  await view.play();
  say("working");
  const canvas = document.createElement("canvas");
  let card = null;
  while (!card && stream.active) {
    canvas.width = view.videoWidth;
    canvas.height = view.videoHeight;
    canvas.getContext("2d").drawImage(view, 0, 0);
    const frame = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    card = frame && (await read(frame)).card;
    await new Promise((done) => setTimeout(done, FRAME_MILLISECONDS));
  }
  for (const track of stream.getTracks()) track.stop();
  view.hidden = true;
  if (card) take(card);
});
