"use strict";
// Refreshes the part of a page that says where its newer self comes from, while nobody is busy in it.
const live = document.querySelector("#live[data-from]");
const stale = document.querySelector("#stale");
async function refresh() {
  if (document.visibilityState === "visible" && !live.contains(document.activeElement)) {
    let isNew = false;
    try {
      const answer = await fetch(live.dataset.from, { redirect: "error" });
      if (answer.status === 401) return location.reload();
      isNew = answer.ok;
      if (isNew) live.innerHTML = await answer.text();
    } catch {
      isNew = false;
    }
    stale.hidden = isNew;
  }
  setTimeout(refresh, 2000);
}
if (live) setTimeout(refresh, 2000);
