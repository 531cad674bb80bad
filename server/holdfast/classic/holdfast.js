// Piccolo Admin beside the console: its theme, one way back, and what the console does better is not offered.
(() => {
  const chosen = localStorage.getItem("holdfast.theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("darkMode", String(dark));
  const signIn = () => location.hash.startsWith("#/login") && location.replace("/_/");
  addEventListener("hashchange", signIn);
  signIn();
  const hidden = /change password|mfa|multi-factor|two.factor|api docs/i;
  const mend = () => {
    const title = document.querySelector("#nav h1");
    if (title && !document.getElementById("holdfast-back")) {
      const back = document.createElement("a");
      back.id = "holdfast-back";
      back.href = "/_/";
      back.textContent = "← Console";
      title.before(back);
      back.style.marginRight = "1rem";
    }
    for (const item of document.querySelectorAll("#drop_down_menu li")) {
      if (hidden.test(item.textContent)) item.hidden = true;
    }
  };
  new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
})();
