// The page of `segjudge try`: shows slices, takes prompts, asks for masks. No library.
"use strict";
const $ = (id) => document.getElementById(id);
const COLOURS = [[230, 60, 60], [50, 130, 250], [40, 180, 90], [240, 170, 30], [170, 80, 220],
  [30, 190, 200], [250, 110, 180], [140, 150, 40]];
const colourOf = (label) => COLOURS[(label - 1) % COLOURS.length];
const state = {
  start: null, image: null, pixels: null, truth: null, kind: null, drawings: [], begun: null,
  round: 0, busy: false, cross: { x: 0, y: 0 }, panes: [],
};

async function ask(path, options) {
  const answer = await fetch(path, options);
  if (!answer.ok) {
    let problem = `${answer.status} ${answer.statusText}`;
    try { problem = (await answer.json()).problem || problem; } catch { /* no sentence came */ }
    throw new Error(problem);
  }
  return answer;
}
const json = async (path, options) => (await ask(path, options)).json();

function say(text, bad = false) {
  $("state").textContent = text;
  $("state").className = bad ? "bad" : "";
}

function option(select, value, text = value) {
  const made = document.createElement("option");
  made.value = value; made.textContent = text;
  select.append(made);
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

// --- What is open -------------------------------------------------------------------------------
const axes = () => state.image.axes;
const depth = () => (axes() === 3 ? state.image.shape[0] : 1);
const height = () => state.image.shape[axes() === 3 ? 1 : 0];
const width = () => state.image.shape[axes() === 3 ? 2 : 1];
const slice = () => Number($("slice").value);

async function show(image) {
  state.image = image;
  state.pixels = new Uint8Array(await (await ask(`api/pixels/${image.image}`)).arrayBuffer());
  state.truth = image.has_reference
    ? new Uint16Array(await (await ask(`api/truth/${image.image}`)).arrayBuffer()) : null;
  $("views").hidden = $("ask").hidden = false;
  if ([...$("modality").options].some((each) => each.value === image.modality)) $("modality").value = image.modality;
  $("slice").max = depth() - 1;
  $("slice").value = Math.floor(depth() / 2);
  $("slice").disabled = depth() === 1;
  $("from").value = 1; $("to").value = $("from").max = $("to").max = depth();
  $("show-reference").disabled = !state.truth;
  $("stored-row").hidden = image.stored.length === 0;
  $("stored").checked = image.stored.length > 0;
  $("zoom").value = Math.max(50, Math.min(300, Math.round(100 * Math.min(460, $("panes").clientWidth - 4) / Math.max(height(), width()))));
  state.drawings = []; state.round = 0; state.cross = { x: width() >> 1, y: height() >> 1 };
  for (const pane of state.panes) { pane.mask = null; pane.attempt = null; pane.result.replaceChildren(); }
  const notes = [`${image.name}: ${image.shape.join(" × ")}`,
    image.spacing_mm ? `spacing ${image.spacing_mm.map((s) => +s.toFixed(4)).join(", ")} mm` : "no spacing",
    ...(state.truth ? ["has a reference"] : []), ...image.notes];
  $("notes").replaceChildren(...notes.map((note) => element("li", note)));
  tell(); list(); draw(); showSpace();
  say("Draw a prompt, then press Segment.");
}

async function opened(promise) {
  say("opening…");
  try { await show(await (await promise)); } catch (error) {
    say(error.message, true);
    $("notes").replaceChildren(element("li", error.message, "bad"));
  }
}

// --- Drawing ------------------------------------------------------------------------------------
function draw() {
  if (!state.image) return;
  const [h, w, z] = [height(), width(), slice()];
  const low = Number($("level").value) - Number($("width").value) / 2;
  const scale = 255 / Number($("width").value);
  const colours = axes() === 2 ? 3 : 1;
  $("at").textContent = depth() > 1 ? `${z + 1} of ${depth()}` : "";
  $("slice").setAttribute("aria-valuetext", $("at").textContent);
  for (const pane of state.panes) {
    const canvas = pane.canvas;
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    canvas.style.width = `${(w * $("zoom").value) / 100}px`;
    const context = canvas.getContext("2d");
    const picture = context.createImageData(w, h);
    const data = picture.data;
    const maps = [];
    if ($("show-mask").checked && pane.mask) maps.push([pane.mask, 0.45]);
    for (let i = 0; i < h * w; i++) {
      const from = colours === 3 ? 3 * i : z * h * w + i;
      for (let c = 0; c < 3; c++) {
        data[4 * i + c] = (state.pixels[colours === 3 ? from + c : from] - low) * scale;
      }
      data[4 * i + 3] = 255;
      for (const [map, share] of maps) {
        const label = map[z * h * w + i];
        if (label) {
          const colour = colourOf(label);
          for (let c = 0; c < 3; c++) data[4 * i + c] = data[4 * i + c] * (1 - share) + colour[c] * share;
        }
      }
    }
    if ($("show-reference").checked && state.truth) outline(data, state.truth, z * h * w, h, w);
    context.putImageData(picture, 0, 0);
    const line = Math.max(1, 150 / $("zoom").value);
    if ($("stored").checked) for (const shape of state.image.shapes[z] ?? []) paintStored(context, shape, line);
    for (const drawing of state.drawings) paint(context, drawing, z, line);
    if (state.begun) paint(context, state.begun, z, line);
    if (document.activeElement === canvas) {
      const { x, y } = state.cross;
      context.strokeStyle = "#ff0"; context.lineWidth = line;
      context.strokeRect(x - 3, y - 3, 7, 7);
    }
  }
}

function outline(data, map, start, h, w) {
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const label = map[start + y * w + x];
      if (!label) continue;
      const inner = x > 0 && y > 0 && x < w - 1 && y < h - 1 && map[start + y * w + x - 1] === label
        && map[start + y * w + x + 1] === label && map[start + (y - 1) * w + x] === label
        && map[start + (y + 1) * w + x] === label;
      if (!inner) data.set([255, 255, 255, 255], 4 * (y * w + x));
    }
  }
}

function paint(context, drawing, z, line) {
  const points = drawing.points;
  if (!points.length) return;
  const zs = points.map((point) => point[0]);
  if (axes() === 3 && (z < Math.min(...zs) || z > Math.max(...zs))) return;
  const colour = `rgb(${colourOf(drawing.label)})`;
  context.strokeStyle = context.fillStyle = drawing.inside ? colour : "#fff";
  context.lineWidth = line;
  const [, y0, x0] = points[0];
  const [, y1, x1] = points[points.length - 1];
  if (drawing.gesture === "rectangle") {
    context.strokeRect(Math.min(x0, x1) + 0.5, Math.min(y0, y1) + 0.5, Math.abs(x1 - x0), Math.abs(y1 - y0));
  } else if (drawing.gesture === "dot") {
    context.beginPath(); context.arc(x0 + 0.5, y0 + 0.5, 2.5 * line, 0, 7); context.fill();
    context.strokeStyle = "#000"; context.stroke();
  } else {
    context.beginPath();
    for (const [, y, x] of points) context.lineTo(x + 0.5, y + 0.5);
    context.stroke();
  }
}

// A prompt that came with the case.
function paintStored(context, { left, top, right, bottom, pixels, inside, text }, line) {
  context.lineWidth = line;
  context.strokeStyle = "#fff"; context.fillStyle = inside === false ? "#ff5ad1" : "#1fd39b";
  if (pixels) for (const [y, x] of pixels) context.fillRect(x - line / 2, y - line / 2, 1 + line, 1 + line);
  else if (text) { context.fillStyle = "#fff"; context.fillText(text, 4, 12); } else {
    context.setLineDash([4 * line, 3 * line]);
    context.strokeRect(left + 0.5, top + 0.5, right - left, bottom - top);
    context.setLineDash([]);
  }
}

// --- Prompts ------------------------------------------------------------------------------------
const gesture = () => state.kind.gesture;

function begin(x, y) {
  state.begun = {
    kind: state.kind.kind, gesture: gesture(), label: Number($("label").value) || 1,
    inside: $("inside").checked || !["dot", "stroke"].includes(gesture()),
    points: [[slice(), y, x]], text: "",
  };
}

function move(x, y) {
  if (!state.begun) return;
  const points = state.begun.points;
  if (gesture() === "stroke") points.push([slice(), y, x]);
  else if (gesture() !== "dot") points[1] = [slice(), y, x];
  draw();
}

function end() {
  const begun = state.begun;
  state.begun = null;
  if (!begun) return;
  if (["rectangle", "line"].includes(begun.gesture)) {
    if (begun.points.length < 2) { draw(); return; }
    if (begun.gesture === "rectangle" && axes() === 3) {
      const ends = [$("from"), $("to")].map((end) => Math.max(1, Math.min(depth(), Number(end.value) || 1)) - 1);
      [begun.points[0][0], begun.points[1][0]] = [Math.min(...ends), Math.max(...ends)];
    }
    state.drawings = state.drawings.filter((d) => d.kind !== begun.kind || d.label !== begun.label);
  }
  add(begun);
}

function add(drawing) {
  state.drawings.push(drawing);
  $("stored").checked = false;
  if (["rectangle", "line", "words"].includes(drawing.gesture)) $("label").value = Number(drawing.label) + 1;
  list(); draw();
}

function list() {
  $("drawn").replaceChildren(...state.drawings.map((drawing, index) => {
    const ends = drawing.points.slice(0, 2);
    const slices = [...new Set(ends.map(([z]) => z + 1))].join(" to ");
    const where = drawing.text || (axes() === 3 ? `slice ${slices}, ` : "") + ends.map(([, y, x]) => `(${y}, ${x})`).join(" to ");
    const row = element("li", `${drawing.kind}, object ${drawing.label}${drawing.inside ? "" : ", not of it"}: ${where}`);
    const button = element("button", "×");
    button.setAttribute("aria-label", `remove prompt ${index + 1}`);
    button.onclick = () => { state.drawings.splice(index, 1); list(); draw(); };
    row.append(button);
    return row;
  }));
}

function tell() {
  const kind = state.kind;
  $("range").hidden = !(kind && gesture() === "rectangle" && state.image && axes() === 3);
  $("inside-row").hidden = !(kind && ["dot", "stroke"].includes(gesture()));
  $("words-row").hidden = !(kind && gesture() === "words");
}

function placed(event, canvas) {
  const box = canvas.getBoundingClientRect();
  const clip = (value, size) => Math.max(0, Math.min(size - 1, Math.floor(value)));
  return [clip(((event.clientX - box.left) * canvas.width) / box.width, canvas.width),
    clip(((event.clientY - box.top) * canvas.height) / box.height, canvas.height)];
}

function pane(reference, submission) {
  const made = { reference, submission, mask: null, attempt: null };
  const root = element("div", "", "pane");
  root.append(element("h3", reference));
  const frame = element("div", "", "frame");
  const canvas = made.canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `slice with the mask of ${reference}; draw prompts here`);
  canvas.onpointerdown = (event) => {
    if (!state.image || !state.kind || gesture() === "words") return;
    canvas.setPointerCapture(event.pointerId); canvas.focus();
    const [x, y] = placed(event, canvas);
    state.cross = { x, y };
    begin(x, y); draw();
  };
  canvas.onpointermove = (event) => move(...placed(event, canvas));
  canvas.onpointerup = end;
  canvas.onwheel = (event) => { if (depth() > 1) { event.preventDefault(); step(Math.sign(event.deltaY)); } };
  canvas.onkeydown = crossKey;
  canvas.onfocus = canvas.onblur = draw;
  frame.append(canvas);
  made.result = element("div", "", "result");
  root.append(frame, made.result);
  $("panes").append(root);
  return made;
}

function crossKey(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (ways[event.key]) {
    const far = event.shiftKey ? 10 : 1;
    state.cross.x = Math.max(0, Math.min(width() - 1, state.cross.x + ways[event.key][0] * far));
    state.cross.y = Math.max(0, Math.min(height() - 1, state.cross.y + ways[event.key][1] * far));
    if (state.begun) move(state.cross.x, state.cross.y); else draw();
  } else if (event.key === " " && state.kind && gesture() !== "words") {
    if (state.begun) { move(state.cross.x, state.cross.y); end(); } else {
      begin(state.cross.x, state.cross.y);
      if (gesture() === "dot") end();
    }
    draw();
  } else return;
  event.preventDefault(); event.stopPropagation();
}

function step(by) { $("slice").value = slice() + by; draw(); }

// --- Attempts -----------------------------------------------------------------------------------
async function segment(next) {
  if (!state.image || state.busy) return;
  if (state.kind && gesture() === "words" && $("words").value.trim()) {
    add({ kind: state.kind.kind, gesture: "words", label: Number($("label").value) || 1, inside: true, points: [], text: $("words").value.trim() });
    $("words").value = "";
  }
  if (!state.drawings.length && !$("stored").checked && state.start.kinds.length) {
    say("Draw a prompt first.", true); return;
  }
  state.round = next ? Math.min(state.round + 1, state.start.rounds - 1) : 0;
  state.busy = true; state.cancelled = false; $("segment").disabled = $("next").disabled = true; $("cancel").disabled = false;
  try {
    for (const pane of state.panes) {
      if (state.cancelled) break;
      const asked = {
        image: state.image.image, submission: pane.submission, round: state.round,
        previous: pane.attempt, stored: $("stored").checked,
        drawings: state.drawings.map(({ kind, label, inside, points, text }) => ({ kind, label, inside, points, text })),
      };
      const { attempt } = await json("api/segment", { method: "POST", body: JSON.stringify(asked) });
      await follow(pane, attempt);
    }
  } catch (error) { say(error.message, true); }
  state.busy = false; state.attempt = null; $("segment").disabled = $("next").disabled = false; $("cancel").disabled = true;
}

async function follow(pane, attempt) {
  state.attempt = attempt;
  if (state.cancelled) endAttempt();  // it was pressed before there was a number to end
  for (;;) {
    let facts;
    try { facts = await json(`api/attempt/${attempt}`); } catch (error) {
      // A machine that slept comes back; a server that has ended does not.
      if (!(error instanceof TypeError)) throw error;
      if (state.cancelled) throw new Error("segjudge does not answer: is it still running in the terminal?");
      say("segjudge does not answer; asking again…", true);
      await new Promise((done) => setTimeout(done, 1000));
      continue;
    }
    if (!facts.done) {
      say(`running: ${facts.since_s.toFixed(1)} s of at most ${state.start.timeout_s} s (images are made ready first)`);
      await new Promise((done) => setTimeout(done, 250));
      continue;
    }
    if (state.cancelled) facts.reason = facts.reason || "ended by hand";
    pane.mask = facts.has_mask ? new Uint16Array(await (await ask(`api/mask/${attempt}`)).arrayBuffer()) : null;
    pane.attempt = facts.has_mask ? attempt : pane.attempt;
    result(pane, attempt, facts);
    say(facts.ok ? `Done in ${facts.wall_s.toFixed(2)} s.` : `${facts.words}: ${facts.reason}`, !facts.ok);
    $("next").hidden = !(state.start.rounds > 1 && facts.ok);
    draw(); showSpace();
    return;
  }
}

const endAttempt = () => state.attempt && ask(`api/cancel/${state.attempt}`, { method: "POST" }).catch(() => {});
// A page that is closed wants no answer.
addEventListener("pagehide", () => { if (state.attempt) navigator.sendBeacon(`api/cancel/${state.attempt}`); });

function result(pane, attempt, facts) {
  const head = element("p", facts.ok ? "ok" : facts.words, facts.ok ? "ok" : "bad");
  const parts = [head];
  if (facts.reason) parts.push(element("p", facts.reason));
  const rows = [["time", facts.wall_s, "s"], ["CPU time", facts.cpu_s, "s"], ["memory", facts.peak_memory_mib, "MiB"]]
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value, unit]) => `${name} ${value.toFixed(unit === "MiB" ? 0 : 2)} ${unit}`);
  if (rows.length) parts.push(element("p", rows.join(" · ")));
  if (facts.scores.length) {
    const table = document.createElement("table");
    const names = Object.keys(facts.scores[0]);
    const top = table.insertRow();
    for (const name of names) top.append(element("th", name));
    for (const score of facts.scores) {
      const row = table.insertRow();
      for (const name of names) row.append(element("td", typeof score[name] === "number" ? score[name].toFixed(4) : score[name] ?? "–"));
      if (Number(score.label) > 0) {
        const swatch = element("span", "", "swatch");
        swatch.style.background = `rgb(${colourOf(Number(score.label))})`;
        row.cells[0].prepend(swatch);
      }
    }
    parts.push(table);
  }
  if (facts.outcome !== "none") {
    const links = element("p", "Save: ");
    const masks = facts.has_mask ? [["nifti", "mask as NIfTI"], ["answer", "the container’s file"]] : [];
    for (const [what, text] of [...masks, ["case", "the case, for segjudge check --case"]]) {
      const link = element("a", text);
      link.href = `api/save/${attempt}/${what}`; link.download = "";
      links.append(link, " · ");
    }
    links.lastChild.remove();
    parts.push(links);
  }
  const log = document.createElement("details");
  log.append(element("summary", "log"), element("pre", facts.log || "(nothing was printed)"));
  parts.push(log);
  pane.result.replaceChildren(...parts);
}

// --- Three planes and 3D ------------------------------------------------------------------------
const space = { chosen: "", image: null, made: null, shown: null, turn: Promise.resolve() };
const isOpen = () => $("planes-open").getAttribute("aria-expanded") === "true";

function choices() {
  $("planes-over").replaceChildren();
  state.panes.forEach((pane, index) => {
    if (!pane.mask) return;
    option($("planes-over"), `mask ${index}`, `the answer of ${pane.reference}`);
    if (state.truth) option($("planes-over"), `errors ${index}`, `errors of ${pane.reference}`);
  });
  if (state.truth) option($("planes-over"), "reference", "the reference");
  option($("planes-over"), "nothing");
  // What was chosen by hand stays, where it is still there.
  if ([...$("planes-over").options].some((each) => each.value === space.chosen)) $("planes-over").value = space.chosen;
}

function codesOver() {
  const [what, index] = $("planes-over").value.split(" ");
  const { of } = space.made;
  if (what === "nothing") return null;
  if (what === "errors") return [planes.errors(of(state.truth), of(state.panes[index].mask)), planes.ERRORS];
  const labels = of(what === "mask" ? state.panes[index].mask : state.truth);
  return [Uint8Array.from(labels, (label) => (label ? ((label - 1) % COLOURS.length) + 1 : 0)), COLOURS];
}

async function inSpace(asked) {
  const { image } = state;
  if (!asked || space.image !== image) {
    space.shown?.close();
    space.shown = space.image = null;
  }
  $("planes-open").setAttribute("aria-expanded", String(asked));
  $("planes-over-row").hidden = !asked;
  $("planes-legend").hidden = true;
  $("planes-words").textContent = "";
  if (!asked) return;
  $("planes-words").textContent = "loading…";
  try {
    await planes.load("niivue.js");
    if (!space.shown) {
      space.made = await planes.made({ ...image, data: state.pixels });
      const { slices } = space.made;
      space.shown = await planes.show($("planes"), space.made.image, {
        name: image.name, oriented: image.affine, slices,
        moved: (at) => { $("slice").value = at[2] * slices.step; draw(); },
      });
      space.image = image;
      space.shown.go(2, Math.floor(slice() / slices.step));
    }
    const over = codesOver();
    await space.shown.paint(...(over ?? [null]), 0.6);
    $("planes-legend").hidden = over?.[1] !== planes.ERRORS;
    const { step } = space.made.slices;
    $("planes-words").textContent = planes.every(step, "voxel of each direction: the volume is very large").join();
  } catch (error) { $("planes-words").textContent = `Can’t be shown: ${error.message}.`; }
}

// One after the other: who opens another image while it loads gets that one.
function showSpace(asked = isOpen()) {
  const is3D = Boolean(state.image) && axes() === 3;
  $("planes-part").hidden = !is3D;
  if (is3D) choices();
  if ((asked && is3D) || space.shown) space.turn = space.turn.then(() => inSpace(asked && is3D));
  return space.turn;
}

// --- The page -----------------------------------------------------------------------------------
function keys(event) {
  if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) && event.target.type !== "range" && event.target.type !== "checkbox") return;
  const does = {
    ArrowUp: () => step(1), ArrowDown: () => step(-1), Enter: () => segment(false), Escape: () => $("cancel").click(),
    i: () => $("inside").click(), m: () => $("show-mask").click(), r: () => $("show-reference").click(),
    "+": () => { $("zoom").value = Number($("zoom").value) + 25; draw(); },
    "-": () => { $("zoom").value = Number($("zoom").value) - 25; draw(); },
    Backspace: () => { state.drawings.pop(); list(); draw(); },
  };
  if (/^[1-9]$/.test(event.key)) $("label").value = event.key;
  else if (does[event.key] && !(event.key === "Enter" && ["BUTTON", "A", "SUMMARY"].includes(event.target.tagName))) does[event.key]();
  else return;
  event.preventDefault();
}

async function main() {
  state.start = await json("api/start");
  const start = state.start;
  for (const name of start.cases) option($("cases"), name);
  for (const name of start.modalities) option($("modality"), name);
  $("modality").value = "MR";
  start.kinds.forEach((kind, index) => {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    radio.type = "radio"; radio.name = "tool"; radio.id = `tool-${kind.kind}`; radio.checked = index === 0;
    radio.onchange = () => { state.kind = kind; tell(); };
    label.append(radio, ` ${kind.kind}`);
    $("tools").append(label);
  });
  state.kind = start.kinds[0] || null;
  // The last part of a path says which it is, where they differ in it.
  const short = start.submissions.map((name) => name.split("/").pop() || name);
  const names = new Set(short).size === short.length ? short : start.submissions;
  state.panes = names.map(pane);
  $("about").textContent = `${names.join(" and ")} under ${start.protocol}: at most ${start.timeout_s} s a case`;
  $("about").title = start.submissions.join(" and ");
  for (const id of ["slice", "level", "width", "zoom", "show-mask", "show-reference", "stored"]) $(id).oninput = draw;
  $("cases").onchange = () => { if ($("cases").value) opened(json(`api/open?case=${encodeURIComponent($("cases").value)}`, { method: "POST" })); };
  $("open").onsubmit = (event) => {
    event.preventDefault();
    const form = new FormData();
    const files = [...$("folder").files, ...(($("folder").files.length) ? [] : $("file").files)];
    for (const file of files) form.append("image", file, file.name);
    if ($("reference").files[0]) form.append("reference", $("reference").files[0], $("reference").files[0].name);
    form.append("modality", $("modality").value);
    if (!files.length) { say("Choose a file first.", true); return; }
    opened(json("api/open", { method: "POST", body: form }));
  };
  $("planes-open").onclick = () => showSpace(!isOpen());
  $("planes-over").onchange = () => { space.chosen = $("planes-over").value; showSpace(); };
  $("segment").onclick = () => segment(false);
  $("next").onclick = () => segment(true);
  $("cancel").onclick = () => { if (state.busy) { state.cancelled = true; say("ending…"); endAttempt(); } };
  $("clear").onclick = () => { state.drawings = []; list(); draw(); };
  document.addEventListener("keydown", keys);
  tell();
  if (start.image) await show(start.image); else say("Choose a case or open a file.");
}
main().catch((error) => say(error.message, true));
