"use strict";
// Refreshes the part of a page that names the address of its newer self, while nobody is busy in it.
const live = document.querySelector("#live[data-from]");
const stale = document.querySelector("#stale");
// What is unfinished is asked for at once, and the hub answers when there is more.
const pause = () => (live.querySelector("[data-unfinished]") ? 50 : 2000);
async function refresh() {
  let isNew = false;
  if (document.visibilityState === "visible" && !live.contains(document.activeElement)) {
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
  setTimeout(refresh, isNew ? pause() : 2000);
}
if (live && !live.dataset.events && !live.dataset.stream) setTimeout(refresh, pause());

// Shows the operators' overview as the hub sends it; asks for it where no stream can be.
function replace(html) {
  stale.hidden = true;
  if (live.contains(document.activeElement)) return;
  const open = [...live.querySelectorAll("details[open][id]")].map((each) => each.id);
  live.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
}
function listen() {
  let heard = Date.now();
  const stream = new EventSource(live.dataset.stream);
  stream.addEventListener("live", (event) => {
    heard = Date.now();
    replace(event.data);
  });
  stream.addEventListener("end", () => location.reload());
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) refresh();
  });
  window.addEventListener("pagehide", () => stream.close());
  setInterval(() => (stale.hidden = stale.hidden && Date.now() - heard < 10000), 2000);
}
if (live?.dataset.stream) (window.EventSource ? listen : refresh)();

// Shows the newer self of a school's page, or of a list, when the hub says that something changed; while somebody is
// busy in that part it says so, and shows it afterwards.
let waits = false;
async function renew() {
  const news = document.querySelector("#news");
  news.textContent = "";
  waits = live.contains(document.activeElement);
  if (!waits) {
    const answer = await fetch(live.dataset.from, { redirect: "error" });
    if (!answer.ok) return;
    const open = [...live.querySelectorAll("details[open][id]")].map((each) => each.id);
    live.innerHTML = await answer.text();
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  }
  news.textContent = news.dataset.says;
}
if (live?.dataset.events && window.EventSource) {
  const events = new EventSource(live.dataset.events);
  events.addEventListener("open", () => (document.querySelector("#refreshing").hidden = false));
  events.addEventListener("message", (event) => {
    if (event.data !== live.dataset.mark) {
      live.dataset.mark = event.data;
      renew().catch(() => (live.dataset.mark = ""));
    }
  });
  live.addEventListener("focusout", () => setTimeout(() => waits && renew().catch(() => (waits = true)), 0));
  window.addEventListener("pagehide", () => events.close());
}

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
