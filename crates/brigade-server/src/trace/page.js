"use strict";
const look = document.getElementById("look");
const boxes = [...document.querySelectorAll("button.box")];
const rows = [...document.querySelectorAll("ol .row")];

// What a bucket holds, as text of its own lines and, of bytes that are none, in hexadecimal.
function inside(box) {
  if (box.dataset.text) return box.dataset.text;
  const bytes = (box.dataset.bytes || "").match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  if (!bytes.length) return "";
  const isText = bytes.every((byte) => byte >= 32 ? byte !== 127 : byte === 9 || byte === 10 || byte === 13);
  if (isText) return new TextDecoder().decode(new Uint8Array(bytes));
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const some = bytes.slice(at, at + 16);
    const hex = some.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(48);
    lines.push(hex + some.map((byte) => byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·").join(""));
  }
  return lines.join("\n");
}

function show(box) {
  const { len, block, bytes } = box.dataset;
  const way = box.closest(".row").querySelector(".way").textContent;
  const facts = [way];
  if (len) facts.push(`${Number(len).toLocaleString("en")} bytes`);
  if (block) facts.push(`in block ${block}`);
  const shown = (bytes || "").length / 2;
  if (len && shown && shown < len) facts.push(`the first ${shown}`);
  if (len > 0 && !shown) facts.push("not in memory");
  const name = document.createElement("b");
  name.textContent = box.firstChild.textContent.trim();
  const text = document.createElement("pre");
  text.textContent = inside(box);
  look.replaceChildren(name, " " + facts.join(" · "), text);
  now(box.closest(".row"));
}

function now(row) {
  document.querySelector(".now")?.classList.remove("now");
  row.classList.add("now");
}

for (const box of boxes) {
  box.addEventListener("mouseenter", () => show(box));
  box.addEventListener("focus", () => show(box));
}

// Left and right go from box to box, up and down from row to row.
document.addEventListener("keydown", (event) => {
  const at = boxes.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const jump = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (at < 0 || !(step || jump)) return;
  event.preventDefault();
  let next = boxes[at + step];
  for (let row = rows.indexOf(boxes[at].closest(".row")) + jump; jump && rows[row] && !next; row += jump) {
    next = rows[row].querySelector("button.box");
  }
  next?.focus();
});

const play = document.getElementById("play");
let timer;
play.addEventListener("click", () => {
  if (timer) return stop();
  let at = Math.max(rows.indexOf(document.querySelector(".now")), -1);
  if (at === rows.length - 1) at = -1;
  play.textContent = "❚❚ pause";
  timer = setInterval(() => {
    const row = rows[++at];
    if (!row) return stop();
    const box = row.querySelector("button.box");
    box ? show(box) : now(row);
    row.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }, 900);
});

function stop() {
  clearInterval(timer);
  timer = undefined;
  play.textContent = "▶ play";
}
