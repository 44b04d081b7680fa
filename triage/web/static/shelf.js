// Photos that wait on this machine until they were taken, and made lighter before they go: for the forms of moves.js.

// They are too large for localStorage: they wait in IndexedDB, under the name of the form they belong to.
function shelf(mode, use) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("jiesu", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("files");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const base = opening.result;
      const work = base.transaction("files", mode);
      const asked = use(work.objectStore("files"));
      work.oncomplete = () => {
        base.close();
        resolve(asked.result);
      };
      work.onerror = work.onabort = () => {
        base.close();
        reject(work.error);
      };
    };
  });
}
const keepFiles = (name, files) => shelf("readwrite", (store) => store.put(files, name));
// A shelf that cannot be opened (a private window) holds nothing: there is none to give, and none to drop.
const keptFiles = async (name) => (await shelf("readonly", (store) => store.get(name)).catch(() => null)) ?? [];
const dropFiles = (name) => shelf("readwrite", (store) => store.delete(name)).catch(() => null);

// A phone's photo has many more dots than anyone needs here, and a weak network pays for each. What came out of this
// comes out as it went in: a photo that is put back and sent again is the same, and known by its bytes.
const LONGEST_SIDE = 2560;
const LARGE_BYTES = 1_500_000;
async function lighter(file) {
  if (file.size < LARGE_BYTES || !file.type.startsWith("image/")) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const canvas = document.createElement("canvas");
    const longest = Math.max(picture.width, picture.height);
    const scale = Math.min(1, LONGEST_SIDE / longest);
    try {
      if (file.type === "image/jpeg" && longest <= LONGEST_SIDE) return file;
      canvas.width = Math.round(picture.width * scale);
      canvas.height = Math.round(picture.height * scale);
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    } finally {
      picture.close(); // a photo unfolded is some fifty megabytes: a phone has no room for several
    }
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    if (!blob || blob.size >= file.size) return file;
    return new File([blob], file.name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" });
  } catch {
    return file; // the server says what is wrong with it
  }
}

// One after the other, for the same reason.
async function lighterAll(files) {
  const made = [];
  for (const file of files) made.push(await lighter(file));
  return made;
}

// Why a field does not take them, before anybody waits for an upload; nothing: it does. What may still become lighter is
// not weighed yet.
function unfit(files, { dataset }, { later = false } = {}) {
  if (files.length > Number(dataset.most)) return `一次最多 ${dataset.most} 个，现在选了 ${files.length} 个：请少选几个。`;
  const weighed = later ? files.filter((file) => !file.type.startsWith("image/")) : files;
  const heavy = weighed.find((file) => file.size > Number(dataset.megabytes) * 1e6);
  return heavy ? `“${heavy.name}”超过 ${dataset.megabytes} MB，请换一个。` : "";
}

Object.assign(jiesu, { keepFiles, keptFiles, dropFiles, lighter, lighterAll, unfit });

// ---- a form that only uploads -----------------------------------------------------------------------

// 附件和补充: what was chosen is made lighter in its field. Without this it goes as it is.
const field = document.querySelector("[data-lighter]");
let chosen = 0;
field?.addEventListener("change", async () => {
  const turn = (chosen += 1);
  const files = [...field.files];
  field.setCustomValidity(unfit(files, field, { later: true }));
  if (!field.reportValidity() || !files.length) return;
  field.setCustomValidity("照片还在处理，请稍等再按。");
  const made = await lighterAll(files);
  if (turn !== chosen) return;
  const carrier = new DataTransfer();
  for (const file of made) carrier.items.add(file);
  field.files = carrier.files;
  field.setCustomValidity(unfit(made, field));
  field.reportValidity();
});
