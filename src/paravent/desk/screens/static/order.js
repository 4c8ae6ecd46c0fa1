// A prescription file is read here and put into the form: it goes to this desk's own service alone.

const document_ = document.getElementById("fhir");

document.getElementById("fhir-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) document_.value = await file.text();
});
