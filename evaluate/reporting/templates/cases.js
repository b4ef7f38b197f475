(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const get = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;  // never markup: names are strangers'
    return made;
  };
  const dash = "–";
  const failed = new Map(data.failed.map(([team, at, what]) => [`${team} ${at}`, what]));
  const failure = (team, at) => failed.get(`${team} ${at}`);
  const anyFailed = new Set(data.failed.map(([, at]) => at));

  const state = { at: 0, teams: [0, Math.min(1, data.teams.length - 1)], sort: "name", down: false, shown: 0 };
  const page = 200;
  let order = [];

  const metric = () => data.metrics[get("metric").value];
  const value = (team, at) => data.values[metric().name][team][at];
  const mean = (at) => {
    const known = data.teams.map((_, team) => value(team, at)).filter((v) => v !== null);
    return known.length ? known.reduce((sum, v) => sum + v, 0) / known.length : null;
  };
  const difference = (at) => {
    const [a, b] = state.teams.map((team) => value(team, at));
    return a === null || b === null ? null : a - b;
  };
  const text = (number, of = metric()) => {
    if (number === null) return dash;
    if (of.score) {
      const digits = number.toFixed(3);
      return digits === "1.000" && number < 1 ? "0.999" : digits;
    }
    return number.toFixed(Math.abs(number) < 10 ? 2 : 1);
  };

  const option = (select, label, key) => {
    const made = make("option", "", label);
    made.value = key;
    select.append(made);
  };

  // --- the list -----------------------------------------------------------------------------
  const keys = {
    name: (at) => data.cases[at].name,
    first: (at) => value(state.teams[0], at),
    second: (at) => value(state.teams[1], at),
    difference,
    mean,
  };
  const wanted = (at) => {
    const found = data.cases[at];
    const which = get("which").value;
    const words = get("search").value.trim().toLowerCase();
    return (!words || found.name.toLowerCase().includes(words))
      && (!get("modality").value || found.modality === get("modality").value)
      && (which !== "failed" || state.teams.some((team) => failure(team, at)))
      && (which !== "any-failed" || anyFailed.has(at))
      && (which !== "real" || found.simulated === false)
      && (which !== "simulated" || found.simulated === true);
  };
  const list = () => {
    const key = keys[state.sort];
    const rows = data.cases.map((_, at) => at).filter(wanted).map((at) => [key(at), at]);
    const sign = state.down ? -1 : 1;
    // No value goes last, whichever way; equal ones stay in the order of the cases.
    rows.sort(([a, i], [b, j]) => {
      if (a === null || b === null) return (a === null) - (b === null) || i - j;
      return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true })) || i - j;
    });
    order = rows.map(([, at]) => at);
    state.shown = 0;
    document.querySelector("#cases tbody").replaceChildren();
    for (const head of document.querySelectorAll("#cases thead th")) {
      const button = head.firstElementChild;
      const team = { first: 0, second: 1 }[button.dataset.sort];
      if (team !== undefined) button.textContent = data.teams[state.teams[team]];
      if (button.dataset.sort === state.sort) {
        head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      } else head.removeAttribute("aria-sort");
    }
    const only = order.length === data.cases.length ? "" : ` of ${data.cases.length}`;
    const unit = metric().unit ? `, in ${metric().unit}` : "";
    get("found").textContent = `${order.length}${only} cases; ${metric().title}${unit}, ${metric().higher ? "higher" : "lower"} is better.`;
    more();
  };
  const more = () => {
    const part = order.slice(state.shown, state.shown + page);
    document.querySelector("#cases tbody").append(...part.map(row));
    state.shown += part.length;
    const left = order.length - state.shown;
    get("more").hidden = left === 0;
    get("more").textContent = `Show ${Math.min(page, left)} of ${left} more`;
  };
  const row = (at) => {
    const found = data.cases[at];
    const made = make("tr");
    made.dataset.at = at;
    if (at === state.at) made.setAttribute("aria-current", "true");
    const head = make("th");
    head.scope = "row";
    const button = make("button");
    button.type = "button";
    if (found.picture.problem === undefined) {
      const thumbnail = make("img");
      thumbnail.loading = "lazy";
      thumbnail.alt = "";
      thumbnail.width = thumbnail.height = 48;
      thumbnail.src = `cases/${at}/thumbnail.webp`;
      button.append(thumbnail);
    } else button.append(make("span", "blank"));
    const name = make("span");
    // A long name may go on in the next line behind an underscore.
    for (const part of found.name.split(/(?<=_)/)) name.append(part, make("wbr"));
    name.append(make("small", "", found.modality + (found.simulated ? ", simulated" : "")));
    button.append(name);
    button.addEventListener("click", () => { choose(at); get("case-name").focus({ preventScroll: true }); get("case-name").scrollIntoView({ block: "nearest" }); });
    head.append(button);
    made.append(head);
    for (const team of state.teams) {
      const cell = make("td", "number", text(value(team, at)));
      if (failure(team, at)) cell.append(make("small", "", failure(team, at)));
      made.append(cell);
    }
    const apart = difference(at);
    made.append(make("td", "number", (apart > 0 ? "+" : "") + text(apart).replace("-", "−")));
    made.append(make("td", "number", text(mean(at))));
    return made;
  };

  // --- the viewer ---------------------------------------------------------------------------
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
  const strip = (at, file, className, alt) => {
    const layer = make("div", `layer ${className}`);
    const image = make("img");
    image.alt = alt;
    image.decoding = "async";
    image.src = `cases/${at}/${file}`;
    layer.append(image);
    return layer;
  };
  // Which image of the case, and which label alone; the first of either is all there is to choose.
  const suffix = (id) => (Number(get(id).value) ? `-${get(id).value}` : "");
  const region = (at) => data.cases[at].regions[Number(get("region").value) - 1];
  // --- rounds of an interactive challenge -------------------------------------------------------
  const rounds = data.rounds;
  const failedRound = new Map((rounds ? rounds.failed : []).map(([team, at, round, what]) => [`${team} ${at} ${round}`, what]));
  const round = () => Number(get("round").value);
  const lacks = (team, at) => rounds
    ? failedRound.get(`${team} ${at} ${round()}`) || ((data.cases[at].picture.rounds[team] ?? []).includes(round()) ? undefined : "no answer in this round")
    : failure(team, at) || data.cases[at].picture.problems[team];
  const maskFile = (team) => `${team}${rounds ? `.r${round()}` : ""}${suffix("region")}.png`;
  const tell = (made, team, at) => {
    if (!get("told").checked) return;
    const { picture } = data.cases[at];
    const file = rounds ? picture.toldRounds[team]?.[round()] && `${team}.r${round()}.svg` : picture.told && "told.svg";
    if (file) made.append(strip(at, file, "prompts", "Prompts"));
  };
  const frame = (at) => {
    const made = make("div", "frame");
    const { aspect } = data.cases[at].picture;
    made.style.setProperty("--aspect", String(aspect));
    made.append(strip(at, `image${suffix("channel")}.webp`, "ground", `Image of ${data.cases[at].name}`));
    return made;
  };
  const caption = (panel, title, words, outside) => {
    const made = make("figcaption");
    made.append(make("b", "", title), make("span", "", words));
    if (outside) made.append(make("span", "outside", `${(outside * 100).toFixed(outside < 0.1 ? 1 : 0)} % of the mask lies outside what is shown`));
    panel.prepend(made);
    return panel;
  };
  const numbers = (team, at) => {
    const failed = rounds ? failedRound.get(`${team} ${at} ${round()}`) : failure(team, at);
    if (failed) return failed;
    const isLast = !rounds || round() === rounds.last;
    const alone = isLast ? region(at)?.values[team] : undefined;
    const known = isLast ? data.metrics : data.metrics.filter((m) => rounds.values[m.name]);
    return known.filter((m) => !alone || m.name in alone).map((m) => {
      const number = alone ? alone[m.name] : isLast ? data.values[m.name][team][at] : rounds.values[m.name][team][at][round()];
      return `${m.title} ${text(number, m)}${m.unit ? ` ${m.unit}` : ""}`;
    }).join(" · ");
  };
  const hasMask = (team, at) => !lacks(team, at);
  const painted = (team, at, which) => {
    const layer = chosen("layer");
    const name = ["first", "second"][which];
    const paint = layer === "difference" ? "difference" : layer === "mask" ? name : `line-${name}`;
    return strip(at, maskFile(team), `mask ${paint}`, `Mask of ${data.teams[team]}`);
  };
  const referenceLayer = (at) => strip(at, `reference${suffix("region")}.png`, `mask ${chosen("layer") === "outline" ? "line-reference" : "reference"}`, "Reference");
  const teamPanel = (team, at, which) => {
    const panel = make("figure", "panel");
    const made = frame(at);
    if (hasMask(team, at)) made.append(painted(team, at, which));
    else made.append(make("p", "words", lacks(team, at)));
    tell(made, team, at);
    panel.append(made);
    const dotted = rounds && get("told").checked ? data.cases[at].picture.toldRounds[team]?.[round()] ?? [] : [];
    if (dotted.length) panel.append(make("small", "dotted", `prompts on slice${dotted.length > 1 ? "s" : ""} ${dotted.map((index) => index + 1).join(", ")}`));
    return caption(panel, data.teams[team], numbers(team, at), data.cases[at].picture.outside[team]);
  };
  const plainPanel = (at, title, layer) => {
    const panel = make("figure", "panel");
    const made = frame(at);
    if (layer) made.append(layer);
    panel.append(made);
    return caption(panel, title, "");
  };
  const blended = (at) => {
    const panel = make("figure", "panel");
    const made = frame(at);
    if (chosen("layer") === "mask") made.append(referenceLayer(at));
    state.teams.forEach((team, which) => {
      if (!hasMask(team, at)) return;
      const layer = painted(team, at, which);
      layer.dataset.which = which;
      made.append(layer);
    });
    if (!rounds || state.teams[0] === state.teams[1]) tell(made, state.teams[0], at);
    panel.append(made);
    const titles = state.teams.map((team) => `${data.teams[team]}: ${numbers(team, at)}`);
    return caption(panel, titles[0], state.teams[0] === state.teams[1] ? "" : titles[1]);
  };
  // --- three planes and 3D --------------------------------------------------------------------
  const MASKS = [[87, 181, 232], [240, 227, 66], [224, 107, 176]];
  // Of reference, first and second team, where they lie over one another: the mean of their colours.
  const MIXED = Array.from({ length: 7 }, (_, code) => {
    const of = MASKS.filter((_, bit) => ((code + 1) >> bit) & 1);
    return [0, 1, 2].map((channel) => Math.round(of.reduce((sum, colour) => sum + colour[channel], 0) / of.length));
  });
  const space = { at: -1, shown: null, turn: Promise.resolve() };
  const file = (name) => `cases/${state.at}/volume${name === undefined ? "" : `-${name}`}.js`;
  const codesOf = async (over) => {
    const labels = region(state.at)?.labels;
    const wanted = (label) => label > 0 && (!labels || labels.includes(label));
    const read = async (name) => (await planes.held(file(name))).img;
    const reference = await read("reference");
    if (over !== "masks") return planes.errors(reference, await read(over), wanted);
    const codes = new Uint8Array(reference.length);
    const masks = [reference];
    for (const team of state.teams) masks.push(lacks(team, state.at) ? null : await read(team));
    masks.forEach((mask, bit) => {
      if (mask) for (let i = 0; i < codes.length; i++) if (wanted(mask[i])) codes[i] |= 1 << bit;
    });
    return codes;
  };
  const overChoices = () => {
    const before = get("planes-over").value;
    get("planes-over").replaceChildren();
    for (const team of new Set(state.teams)) {
      if (!lacks(team, state.at)) option(get("planes-over"), `errors of ${data.teams[team]}`, team);
    }
    option(get("planes-over"), "masks of reference and both teams", "masks");
    if ([...get("planes-over").options].some((each) => each.value === before)) get("planes-over").value = before;
  };
  const inSpace = async (asked) => {
    const { at } = state;
    if (!asked || space.at !== at) {
      space.shown?.close();
      space.shown = null;
      space.at = -1;
    }
    get("planes-open").setAttribute("aria-expanded", String(asked));
    get("planes-over-control").hidden = !asked;
    if (!asked) return;
    get("planes-words").textContent = "loading…";
    try {
      await planes.load("cases/niivue.umd.js");
      if (!space.shown) {
        const image = await planes.held(file());
        const { picture, name } = data.cases[at];
        const slices = { first: picture.slices[0], step: picture.steps[0], of: picture.depth };
        space.shown = await planes.show(get("planes"), image, { name, oriented: image.hdr.sform_code === 1, slices });
        space.shown.go(2, Math.round((picture.slices[get("slice").value] - slices.first) / slices.step));
        space.at = at;
      }
      const over = get("planes-over").value;
      await space.shown.paint(await codesOf(over), over === "masks" ? MIXED : shownErrors(), Number(get("opacity").value) / 100);
      get("planes-legend-errors").hidden = over === "masks";
      get("planes-legend-masks").hidden = over !== "masks";
      const { steps } = data.cases[at].picture;
      get("planes-words").textContent = [...planes.every(steps[0], "slice"), ...planes.every(steps[1], "row and column")].join(", ");
    } catch (error) {
      get("planes-words").textContent = `Can’t be shown: ${error.message}.`;
    }
  };
  const KINDS = ["agree", "false-positive", "false-negative"];
  const shownErrors = () => planes.ERRORS.map((colour, kind) => [...colour, !KINDS[kind] || get(`show-${KINDS[kind]}`).checked ? 255 : 0]);
  const isOpen = () => get("planes-open").getAttribute("aria-expanded") === "true";
  // One after the other: who changes their mind while it loads gets what they chose last.
  const showSpace = (asked = isOpen()) => {
    const { picture } = data.cases[state.at];
    const is3D = picture.problem === undefined && picture.depth > 1;
    get("planes-part").hidden = !is3D;
    get("planes-open").hidden = !picture.steps;
    get("planes-words").textContent = is3D && !picture.steps ? "Three planes and 3D: this case’s volumes were left out, so that the report stays small; those with worse scores have them." : "";
    const wanted = asked && is3D && Boolean(picture.steps);
    if (wanted) overChoices();
    if (wanted || isOpen() || space.shown) space.turn = space.turn.then(() => inSpace(wanted));
  };
  const draw = () => {
    const { at } = state;
    const found = data.cases[at];
    const { picture } = found;
    const isBlended = chosen("view") === "blended";
    const panels = get("panels");
    panels.classList.toggle("blended", isBlended);
    get("blend-control").hidden = !isBlended;
    get("opacity-control").hidden = chosen("layer") === "outline";
    get("legend-difference").hidden = chosen("layer") !== "difference";
    get("legend-mask").hidden = chosen("layer") === "difference";
    get("round-text").textContent = rounds ? `${round()} of ${rounds.last}` : "";
    const isTold = picture.problem === undefined && (picture.told || rounds !== null);
    get("told-control").hidden = !isTold;
    get("legend-told").hidden = !isTold || !get("told").checked;
    if (picture.problem !== undefined) {
      const words = state.teams.map((team) => `${data.teams[team]}: ${numbers(team, at)}`);
      showSpace();
      panels.replaceChildren(...[`No picture: ${picture.problem}.`, ...new Set(words)].map((line) => make("p", "", line)));
      return;
    }
    const others = [...new Set(state.teams)].map((team, which) => teamPanel(team, at, which));
    panels.replaceChildren(...(isBlended
      ? [blended(at)]
      : [plainPanel(at, "Image"), plainPanel(at, "Reference", referenceLayer(at)), ...others]));
    arrange();
    showSpace();
  };
  // What the sliders move: no image is asked for again.
  const arrange = () => {
    const { picture } = data.cases[state.at];
    if (picture.problem !== undefined) return;
    const slice = Number(get("slice").value);
    const { slices, depth } = picture;
    get("slice-text").textContent = `${slices[slice] + 1} of ${depth}`;
    get("slice").setAttribute("aria-valuetext", `slice ${slices[slice] + 1} of ${depth}`);
    get("opacity-text").textContent = `${get("opacity").value} %`;
    for (const image of document.querySelectorAll(".frame img")) {
      image.style.height = `${100 * slices.length}%`;
      image.style.top = `${-100 * slice}%`;
    }
    for (const image of document.querySelectorAll(".frame .ground img")) {
      image.style.filter = `brightness(${get("brightness").value}%) contrast(${get("contrast").value}%)`;
    }
    // A line hides next to nothing: it is never faint.
    const whole = chosen("layer") === "outline" ? 1 : Number(get("opacity").value) / 100;
    const share = Number(get("blend").value) / 100;
    for (const layer of document.querySelectorAll(".frame .mask")) {
      // In the middle both are whole; towards an end the other one fades.
      const part = { 0: 2 - 2 * share, 1: 2 * share }[layer.dataset.which] ?? 1;
      layer.style.opacity = String(whole * Math.min(1, part));
    }
  };
  // The same choice as before, where this case has it too.
  const offer = (id, names) => {
    const select = get(id);
    const before = select.selectedOptions[0]?.textContent;
    select.replaceChildren();
    names.forEach((name, number) => option(select, name, number));
    select.value = Math.max(0, names.indexOf(before));
    get(`${id}-control`).hidden = names.length < 2;
  };
  const choose = (at) => {
    state.at = at;
    const found = data.cases[at];
    const { picture } = found;
    offer("channel", found.channels.length ? found.channels : ["the image"]);
    offer("region", ["all", ...found.regions.map((each) => each.name)]);
    get("case-name").textContent = found.name;
    const origin = found.simulated === null ? "" : found.simulated ? ", simulated" : ", real";
    const cut = picture.cut ? ", cut to the objects" : "";
    const some = picture.slices && picture.slices.length < picture.depth ? `, ${picture.slices.length} of ${picture.depth} slices` : "";
    get("case-facts").textContent = `${found.modality}${origin}${some}${cut}`;
    const isVolume = picture.problem === undefined && picture.slices.length > 1;
    get("slice-control").hidden = !isVolume;
    get("slice").max = isVolume ? picture.slices.length - 1 : 0;
    get("slice").value = isVolume ? Math.floor(picture.slices.length / 2) : 0;
    for (const other of document.querySelectorAll("#cases tbody tr")) {
      if (Number(other.dataset.at) === at) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    }
    history.replaceState(null, "", `#${at}`);
    draw();
  };
  const step = (by) => {
    if (!order.length) return;
    const position = order.indexOf(state.at);
    choose(order[(position + by + order.length) % order.length]);
  };

  // --- wiring -------------------------------------------------------------------------------
  data.teams.forEach((team, number) => [0, 1].forEach((which) => option(get(`team-${which}`), team, number)));
  data.metrics.forEach((m, number) => option(get("metric"), m.title, number));
  [...new Set(data.cases.map((found) => found.modality))].sort().forEach((name) => option(get("modality"), name, name));
  [0, 1].forEach((which) => {
    get(`team-${which}`).value = state.teams[which];
    get(`team-${which}`).addEventListener("change", (event) => {
      state.teams[which] = Number(event.target.value);
      list();
      draw();
    });
  });
  for (const id of ["metric", "modality", "which"]) get(id).addEventListener("change", list);
  get("search").addEventListener("input", list);
  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      state.down = state.sort === button.dataset.sort && !state.down;
      state.sort = button.dataset.sort;
      list();
    });
  }
  for (const input of document.querySelectorAll("input[type=radio]")) input.addEventListener("change", draw);
  for (const id of ["channel", "region"]) get(id).addEventListener("change", draw);
  for (const id of ["slice", "opacity", "blend", "brightness", "contrast"]) get(id).addEventListener("input", arrange);
  get("round").addEventListener("input", draw);
  get("planes-open").addEventListener("click", () => showSpace(!isOpen()));
  get("planes-over").addEventListener("change", () => showSpace());
  get("opacity").addEventListener("change", () => showSpace());
  get("told").addEventListener("change", draw);
  if (rounds) {
    get("round-control").hidden = false;
    get("round").max = get("round").value = rounds.last;
  }
  const colours = { agree: [0, 0.62, 0.45], "false-positive": [0.84, 0.37, 0], "false-negative": [0.34, 0.71, 0.91] };
  const paint = () => {
    const shown = Object.entries(colours).map(([name, colour]) => [get(`show-${name}`).checked ? 1 : 0, colour]);
    const rows = [0, 1, 2].map((channel) => [...shown.map(([on, colour]) => on * colour[channel]), 0, 0]);
    get("difference-matrix").setAttribute("values", [...rows, [...shown.map(([on]) => on), 0, 0]].flat().join(" "));
  };
  for (const name of Object.keys(colours)) get(`show-${name}`).addEventListener("change", () => { paint(); showSpace(); });
  get("previous").addEventListener("click", () => step(-1));
  get("next").addEventListener("click", () => step(1));
  get("more").addEventListener("click", more);
  paint();
  get("browser").hidden = false;
  const asked = /^#\d+$/.test(location.hash) ? Number(location.hash.slice(1)) : 0;
  list();
  choose(asked < data.cases.length ? asked : 0);
})();
