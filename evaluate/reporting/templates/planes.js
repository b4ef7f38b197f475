// Three planes and a rendering of a volume, by NiiVue, which is fetched when it is first asked for.
const planes = (() => {
  const make = (tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;  // never markup
    return made;
  };
  // A page from the disk may run scripts beside it, and fetch nothing: data come as scripts too.
  const loading = new Map();
  const load = (address) => {
    if (!loading.has(address)) {
      loading.set(address, new Promise((done, failed) => {
        const script = make("script");
        script.src = address;
        script.onload = () => done();
        script.onerror = () => {
          loading.delete(address);
          failed(new Error(`${address} is not beside this page`));
        };
        document.head.append(script);
      }));
    }
    return loading.get(address);
  };
  const kept = new Map();
  const keep = (base64) => kept.set(document.currentScript.getAttribute("src"), base64);
  // The NIfTI file that such a script hands over.
  const held = async (address) => {
    await load(address);
    return niivue.NVImage.loadFromUrl({
      url: Uint8Array.from(atob(kept.get(address)), (letter) => letter.charCodeAt(0)),
      name: "volume.nii.gz", colormap: "gray", cal_min: 0, cal_max: 255,
    });
  };
  const whole = (image) => [...image.hdr.dims].slice(1, 4);
  const file = (like, data) => niivue.NVImage.createNiftiArray(
    whole(like), [...like.hdr.pixDims].slice(1, 4), like.hdr.affine.flat(), 2, data);
  // Voxels of an array without a file, z slowest; every so manieth where there are very many.
  const MOST = 24e6;
  const made = async ({ shape, spacing_mm, affine, data }) => {
    const [depth, rows, columns] = shape;
    const [z, y, x] = spacing_mm ?? [1, 1, 1];
    const header = (sizes, matrix, voxels) => niivue.NVImage.createNiftiArray(
      sizes, [0, 1, 2].map((axis) => Math.hypot(...matrix.slice(0, 3).map((row) => row[axis]))), matrix.flat(), 2, voxels);
    const where = affine ?? [[-x, 0, 0, 0], [0, -y, 0, 0], [0, 0, z, 0], [0, 0, 0, 1]];
    let step = 1;
    while ((depth * rows * columns) / step ** 3 > MOST) step += 1;
    const part = thinned(shape, step);
    const matrix = where.map((row) => row.map((value, axis) => (axis < 3 ? value * step : value)));
    const image = await niivue.NVImage.loadFromUrl({
      url: header([...part.shape].reverse(), matrix, part.of(data)), name: "volume.nii",
      colormap: "gray", cal_min: 0, cal_max: 255,
    });
    return { image, of: part.of, slices: { first: 0, step, of: depth } };
  };
  const thinned = (shape, step) => {
    const sizes = shape.map((size) => Math.ceil(size / step));
    const of = (data) => {
      if (step === 1) return data;
      const out = new data.constructor(sizes[0] * sizes[1] * sizes[2]);
      let at = 0;
      for (let z = 0; z < shape[0]; z += step) {
        for (let y = 0; y < shape[1]; y += step) {
          const row = (z * shape[1] + y) * shape[2];
          for (let x = 0; x < shape[2]; x += step) out[at++] = data[row + x];
        }
      }
      return out;
    };
    return { shape: sizes, of };
  };

  const PLACES = [["Slice", 2], ["Row", 1], ["Column", 0]];  // of an array z, y, x
  const HELP = "Keys on the picture: arrows move along rows and columns, page up and down through"
    + " slices, Shift with arrows turns the rendering.";

  // Shows `image` in `root`; `paint` then lays codes over it, a colour each, or nothing.
  const show = async (root, image, { name, oriented, slices, moved }) => {
    if (!make("canvas").getContext("webgl2")) throw new Error("this browser has no WebGL 2, which three planes and 3D need");
    const sizes = whole(image);
    const canvas = make("canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `Three planes and 3D of ${name}`);
    canvas.setAttribute("aria-describedby", "planes-help");
    const frame = make("div", "planes-frame");
    frame.append(canvas);
    const bar = make("div", "planes-bar");
    const sliders = PLACES.map(([title, axis]) => slider(title, 0, sizes[axis] - 1));
    const turn = slider("Turn", 0, 359);
    const help = make("p", "planes-help", HELP);
    help.id = "planes-help";
    bar.append(...[...sliders, turn].map((each) => each.label));
    root.replaceChildren(bar, frame, help);
    const viewer = new niivue.Niivue({
      logLevel: "error", dragAndDropEnabled: false, scrollRequiresFocus: true, isSliceMM: false,
      isRadiologicalConvention: true, isOrientationTextVisible: Boolean(oriented), crosshairColor: [1, 0.85, 0.2, 0.7], crosshairWidth: 0.25, crosshairWidthUnit: "percent",
      multiplanarLayout: niivue.MULTIPLANAR_TYPE.GRID, multiplanarShowRender: niivue.SHOW_RENDER.ALWAYS,
      show3Dcrosshair: true, fontColor: [0.8, 0.8, 0.8, 1],
    });
    // Its own keys would open dialogs; ours come first and are the only ones.
    const keys = (event) => {
      event.stopImmediatePropagation();
      if (event.type === "keyup" || event.key === "Tab") return;
      const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, -1], ArrowDown: [1, 1], PageUp: [2, 1], PageDown: [2, -1] }[event.key];
      if (!by) return;
      event.preventDefault();
      if (event.shiftKey && by[0] < 2) turned(by[0] ? 0 : 10 * by[1], by[0] ? -10 * by[1] : 0);
      else go(by[0], place()[by[0]] + by[1]);
    };
    for (const type of ["keydown", "keyup"]) canvas.addEventListener(type, keys);
    await viewer.attachToCanvas(canvas);
    // In the rendering, the image is a mist around the masks.
    viewer.addColormap("mist", { R: [0, 255], G: [0, 255], B: [0, 255], A: [0, 20], I: [0, 255] });
    image.colormap = "mist";
    viewer.addVolume(image);
    viewer.setRenderAzimuthElevation(130, 30);
    // The viewer's axes run to the right, the front and above; ours are the array's.
    const [shown] = viewer.volumes;
    const ours = shown.permRAS.map((axis) => [Math.abs(axis) - 1, axis > 0]);
    const place = () => {
      const at = [0, 0, 0];
      viewer.frac2vox(viewer.scene.crosshairPos).forEach((value, axis) => {
        const [own, forwards] = ours[axis];
        at[own] = forwards ? value : sizes[own] - 1 - value;
      });
      return at;
    };
    const go = (axis, to) => {
      const by = Math.max(0, Math.min(sizes[axis] - 1, to)) - place()[axis];
      viewer.moveCrosshairInVox(...ours.map(([own, forwards]) => (own === axis ? (forwards ? by : -by) : 0)));
    };
    const turned = (by, up) => {
      const { renderAzimuth, renderElevation } = viewer.scene;
      viewer.setRenderAzimuthElevation((renderAzimuth + by + 360) % 360, Math.max(-90, Math.min(90, renderElevation + up)));
    };
    const told = (isMove) => {
      const at = place();
      PLACES.forEach(([, axis], index) => {
        // Of a part of the slices, the number that they have in the whole volume.
        const { first, step, of } = axis === 2 && slices ? slices : { first: 0, step: 1, of: sizes[axis] };
        sliders[index].tell(at[axis], `${first + at[axis] * step + 1} of ${of}`);
      });
      const angle = Math.round(viewer.scene.renderAzimuth);
      turn.tell(angle, `${angle}°`);
      if (isMove) moved?.(at);
    };
    PLACES.forEach(([, axis], index) => { sliders[index].input.oninput = () => go(axis, Number(sliders[index].input.value)); });
    turn.input.oninput = () => { viewer.setRenderAzimuthElevation(Number(turn.input.value), viewer.scene.renderElevation); };
    viewer.onLocationChange = () => told(true);
    viewer.onAzimuthElevationChange = () => told(false);
    let over = null;
    const paint = async (codes, colours, opacity) => {
      if (over) viewer.removeVolume(over);
      over = null;
      if (!codes) return;
      const table = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: [""] };
      colours.forEach(([red, green, blue, alpha = 255], index) => {
        table.R.push(red); table.G.push(green); table.B.push(blue);
        table.A.push(alpha); table.I.push(index + 1); table.labels.push("");
      });
      over = await niivue.NVImage.loadFromUrl({ url: file(image, codes), name: "codes.nii" });
      over.setColormapLabel(table);
      over.opacity = opacity;
      viewer.addVolume(over);
    };
    told(false);
    return {
      viewer, paint, place, go,
      close: () => {
        viewer.cleanup();
        viewer.gl.getExtension("WEBGL_lose_context")?.loseContext();
        root.replaceChildren();
      },
    };
  };
  const slider = (title, low, high) => {
    const label = make("label", "slider", `${title} `);
    const input = make("input");
    const output = make("output");
    input.type = "range";
    input.min = low;
    input.max = high;
    label.append(input, " ", output);
    const tell = (value, words) => {
      input.value = value;
      input.setAttribute("aria-valuetext", words);
      output.textContent = words;
    };
    return { label, input, tell };
  };
  // What a mask has in common with its reference and what it has not: a code a voxel, and a colour a code.
  const ERRORS = [[0, 158, 115], [214, 94, 0], [87, 181, 232], [255, 255, 232]];
  const errors = (reference, mask, wanted = (label) => label > 0) => {
    const codes = new Uint8Array(reference.length);
    for (let i = 0; i < codes.length; i++) {
      const is = wanted(reference[i]);
      if (wanted(mask[i])) codes[i] = !is ? 2 : mask[i] === reference[i] ? 1 : 4;
      else if (is) codes[i] = 3;
    }
    return codes;
  };
  const NTH = ["", "", "second", "third", "fourth", "fifth"];
  const every = (step, what) => (step > 1 ? [`every ${NTH[step] ?? `${step}th`} ${what}`] : []);
  return { every, load, keep, held, made, show, errors, ERRORS };
})();
