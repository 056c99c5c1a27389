"use strict";
(() => {
  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (systemDark.matches ? "dark" : "light")) === "dark";
  const label = () => { toggle.textContent = isDark() ? "Light theme" : "Dark theme"; };
  const keep = (value) => { try { localStorage.setItem("strongroom-theme", value); } catch { /* private window */ } };
  try {
    const kept = localStorage.getItem("strongroom-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* private window */ }
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep(root.dataset.theme);
    label();
  });
  systemDark.addEventListener("change", label);
  label();

  const all = [...document.querySelectorAll("details")];
  const findings = all.filter((d) => d.classList.contains("finding"));
  const expand = document.getElementById("expand");
  if (expand) {
    expand.hidden = false;
    expand.addEventListener("click", () => {
      const open = findings.some((d) => !d.open);
      findings.forEach((d) => { d.open = open; });
      expand.textContent = open ? "Close all" : "Open all";
    });
  }

  // Paper has no clicks: open everything while it prints, then put it back.
  let closed = [];
  addEventListener("beforeprint", () => { closed = all.filter((d) => !d.open); closed.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => { closed.forEach((d) => { d.open = false; }); closed = []; });

  // A link to something inside a closed box opens the box.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const box = target && target.closest("details");
    if (box) box.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
