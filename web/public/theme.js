// A file of its own, loaded before the first paint: the page's policy forbids inline scripts, and
// a module would run after the browser has already shown the wrong colours.
(() => {
  const chosen = localStorage.getItem('kyozo.theme');
  const dark =
    chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('dark', dark);
})();
