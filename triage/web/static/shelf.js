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

// A phone's photo has many more dots than anyone needs here, and a weak network pays for each.
const LONGEST_SIDE = 2560;
const LARGE_BYTES = 1_500_000;
async function lighter(file) {
  if (file.size < LARGE_BYTES || !file.type.startsWith("image/")) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    if (!blob || blob.size >= file.size) return file;
    return new File([blob], file.name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" });
  } catch {
    return file; // the server says what is wrong with it
  }
}

Object.assign(jiesu, { keepFiles, keptFiles, dropFiles, lighter });
