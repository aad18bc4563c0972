// What Gradio's components leave to do, for every tab.
(() => {
  const number = (node) => node.matches?.('input[type="number"][data-testid="number-input"]');
  const beside = (field) => field.closest(".block")?.querySelector('input[type="range"]');

  // A number beyond a slider's range becomes its end: at once above it, below it when the field is left, since the
  // first digit of a number may lie below. An emptied field takes back what the slider shows.
  document.addEventListener("input", ({ target }) => {
    if (number(target) && beside(target) && target.max !== "" && target.valueAsNumber > Number(target.max))
      target.value = target.max;
  }, true);
  document.addEventListener("change", ({ target }) => {
    const slider = number(target) && beside(target);
    if (!slider || target.valueAsNumber >= Number(target.min)) return;
    target.value = target.value === "" ? slider.value : target.min;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }, true);

  // A file that is no picture goes to the server as any other, which says in words what is wrong with it.
  const fits = (file, accept) => accept.split(",").some((kind) => {
    const wanted = kind.trim().toLowerCase();
    return wanted.endsWith("/*") ? file.type.startsWith(wanted.slice(0, -1)) : file.name.toLowerCase().endsWith(wanted);
  });
  const strange = (input, files) =>
    input?.accept?.includes("image/*") && [...files].some((file) => !fits(file, input.accept));
  const give = (input, files) => {
    const carried = new DataTransfer();
    for (const file of files)
      carried.items.add(fits(file, input.accept) ? file : new File([file], file.name, { type: "image/unknown" }));
    input.files = carried.files;
  };
  document.addEventListener("change", ({ target }) => {
    if (target.type === "file" && strange(target, target.files)) give(target, target.files);
  }, true);
  document.addEventListener("drop", (event) => {
    const input = event.target.closest?.(".block")?.querySelector('input[type="file"]');
    const files = event.dataTransfer?.files ?? [];
    if (!strange(input, files)) return;
    event.preventDefault();
    event.stopPropagation();
    event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
    give(input, input.multiple ? files : [files[0]]);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, true);
})();
