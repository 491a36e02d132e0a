// Loads the page again when the server reports a change, and once a minute, so that words such as
// "3 minutes ago" stay right. It keeps what a person has typed or opened. If loading takes more than
// a second, it says so.
(() => {
  "use strict";
  const path = document.body.dataset.events;
  const strip = document.getElementById("live");
  if (!strip) return;
  const waiting = "Loading…";
  let timer = 0;

  const say = (words) => {
    strip.textContent = words;
    strip.hidden = !words;
  };

  // busy marks that a page is being loaded, and after a second shows it in words.
  const busy = (isBusy) => {
    clearTimeout(timer);
    const main = document.getElementById("main");
    if (isBusy) {
      main.setAttribute("aria-busy", "true");
      timer = setTimeout(() => say(waiting), 1000);
      return;
    }
    main.removeAttribute("aria-busy");
    if (strip.textContent === waiting) say("");
  };

  window.addEventListener("beforeunload", () => busy(true)); // After a link or a form, this page stays until the next one is there.
  window.addEventListener("pageshow", () => busy(false));
  if (!path || !window.EventSource) return;
  let loading = false, missed = false, deferred = false;
  let shown = document.getElementById("main").innerHTML;

  // typing reports whether a form of the page has been filled in, or a list in it may be open.
  const typing = (main) => [...main.querySelectorAll("input:not([type=hidden]), select")].some((field) => {
    if (!field.options) return field.value !== field.defaultValue;
    const first = Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
    return field === document.activeElement || field.selectedIndex !== first;
  });

  // place returns a selector for an element that also finds it in the new page.
  const place = (element) => {
    const quoted = (name) => JSON.stringify(element.getAttribute(name));
    if (element.id) return "#" + CSS.escape(element.id);
    if (element.href) return "a[href=" + quoted("href") + "]";
    const form = element.form && "form[action=" + JSON.stringify(element.form.getAttribute("action")) + "] ";
    return form ? form + (element.name ? "[name=" + quoted("name") + "]" : element.localName) : "";
  };

  const swap = (text) => {
    deferred = false;
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    const main = document.getElementById("main");
    if (!fresh) return;
    const words = fresh.innerHTML;
    if (words === shown) {
      say("");
      return;
    }
    if (typing(main)) {
      say("This page has changed. It is shown again when you have left the form.");
      deferred = true;
      return;
    }
    const focused = main.contains(document.activeElement) ? place(document.activeElement) : "";
    for (const details of main.querySelectorAll("details[id]")) {
      const other = fresh.querySelector("#" + CSS.escape(details.id));
      if (other) other.open = details.open;
    }
    main.replaceWith(document.adoptNode(fresh));
    shown = words;
    if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true });
    say("");
  };

  const load = async () => {
    missed = loading;
    if (loading) return;
    loading = true;
    busy(true);
    try {
      do {
        missed = false;
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
        swap(await answer.text());
      } while (missed);
    } catch {
      say("The dashboard does not answer. What you see may be old.");
    }
    loading = false;
    busy(false);
  };

  const source = new EventSource(path);
  source.addEventListener("changed", load);
  setInterval(() => document.hidden || load(), 60000);
  document.addEventListener("visibilitychange", () => document.hidden || load());
  document.addEventListener("focusout", () => deferred && setTimeout(load));
})();
