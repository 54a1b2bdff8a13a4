// Keep the chosen language in a cookie of the console and show the page again in it.
const chooser = document.getElementById("language");
chooser?.addEventListener("change", () => {
  const mount = new URL(document.body.dataset.root, location.href).pathname;
  document.cookie = `sync_language=${chooser.value}; path=${mount}; max-age=31536000; samesite=lax`;
  location.reload();
});
