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

// Warns before the session ends, and keeps it alive when asked.
const ending = document.querySelector("#ending");
async function seconds(path) {
  const answer = await fetch(path, { redirect: "error" });
  return answer.ok ? Number(await answer.text()) : 0;
}
function warn(left) {
  ending.hidden = left > 300;
  setTimeout(async () => {
    try {
      warn(await seconds("/login/keep/live"));
    } catch {
      warn(left - 60);
    }
  }, Math.max(left - 300, 60) * 1000);
}
if (ending) {
  document.querySelector("#keep").addEventListener("click", async () => {
    ending.hidden = (await seconds("/login/keep")) > 300;
  });
  warn(Number(ending.dataset.seconds));
}
