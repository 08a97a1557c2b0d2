// Sets the theme before the first paint: that of the address or the last choice, else the system's.
(function () {
  const wanted = new URLSearchParams(location.search).get("theme");
  let kept = null;
  try { kept = localStorage.getItem("cluster-emu-theme"); } catch (error) { kept = null; }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = ["light", "dark"].find((name) => name === wanted) || kept || (dark ? "dark" : "light");
  document.documentElement.dataset.theme = theme === "dark" ? "dark" : "light";
})();
