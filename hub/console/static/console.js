"use strict";
// Refreshes the part of a page that says where its newer self comes from.
const live = document.querySelector("#live[data-from]");
async function refresh() {
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(live.dataset.from, { redirect: "error" });
      if (answer.status === 401) return location.reload();
      if (answer.ok) live.innerHTML = await answer.text();
      live.classList.toggle("stale", !answer.ok);
    } catch {
      live.classList.add("stale");
    }
  }
  setTimeout(refresh, 2000);
}
if (live) setTimeout(refresh, 2000);
