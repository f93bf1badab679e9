"use strict";
// Browses the items of one benchmark at a time. The fragment of the address is the only state, so every view has a link.
// Whatever a record or a model wrote is put in as text: nothing here makes markup of it.

const held = (id) => JSON.parse(document.getElementById(id).textContent);
const EXAMS = held("exams"), WORDS = held("words"), SHARES = new Set(held("shares"));
const PER_PAGE = 20;
const FIELDS = ["prompts", "before", "answers", "measure", "group", "show", "find"];
const PAIRED = ["rose", "fell", "unchanged"];
const unpacked = new Map();

/** Which items each view shows; `now` and `was` are the values after and before. */
const SHOWS = {
  all: () => true,
  right: (one) => one.now === 1,
  wrong: (one) => one.now === 0,
  rose: (one) => one.was !== null && one.now !== null && one.now > one.was,
  fell: (one) => one.was !== null && one.now !== null && one.now < one.was,
  unchanged: (one) => one.was !== null && one.now === one.was,
  unanswered: (one) => one.unread,
  cut: (one) => one.replies.some((reply) => reply.stopped === "length"),
  truncated: (one) => one.replies.some((reply) => reply.truncated),
};

function element(tag, kind, ...children) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function link(address, ...children) {
  const made = element("a", "", ...children);
  made.href = address;
  return made;
}

/** Read the fragment; what it leaves out, or names wrongly, is the first benchmark, the last model, the first measure. */
function wanted() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const exam = EXAMS.find((one) => one.folder === given.prompts) || EXAMS[0];
  const place = (folder) => exam.columns.findIndex((column) => column.folder === folder || column.completions === folder);
  const after = place(given.answers) < 0 ? exam.columns.length - 1 : place(given.answers);
  const measures = exam.columns[after].measures;
  const measure = measures.includes(given.measure) ? given.measure : measures.find((one) => one.endsWith("accuracy")) || measures[0] || "";
  const show = given.show in SHOWS ? given.show : "all";
  const before = place(given.before) < 0 && PAIRED.includes(show) ? 0 : place(given.before);
  return { exam, after, before, measure, show, item: given.item || "", group: given.group || "",
    find: given.find || "", page: Math.max(1, Number.parseInt(given.page, 10) || 1) };
}

function fragment(state, changes) {
  const folder = (place) => (place < 0 ? "" : state.exam.columns[place].folder);
  const plain = { prompts: state.exam.folder, before: folder(state.before), answers: folder(state.after), measure: state.measure,
    group: state.group, show: state.show === "all" ? "" : state.show, find: state.find, ...changes };
  return "#" + new URLSearchParams(Object.entries(plain).filter(([, value]) => value !== "" && value !== 1));
}

/** Unpack the items of a benchmark: base64, gzip, JSON. */
async function itemsOf(exam) {
  if (!unpacked.has(exam.folder)) {
    const bytes = Uint8Array.from(atob(document.getElementById(`items-${exam.folder}`).textContent.trim()), (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked.set(exam.folder, await new Response(stream).json());
  }
  return unpacked.get(exam.folder);
}

/** What the filters look at: the values of one measure, what was read, and the samples of the chosen model. */
function facts(item, state) {
  const mark = (place) => (item.answers[place] && item.answers[place].marks && item.answers[place].marks[state.measure]) || null;
  const now = mark(state.after), was = state.before < 0 ? null : mark(state.before);
  const answer = item.answers[state.after];
  return { now: now && now.value, was: was && was.value, unread: now !== null && now.read.includes(null), replies: answer ? answer.replies : [] };
}

function words(item) {
  if (item.words === undefined) {
    const said = item.answers.flatMap((answer) => (answer ? answer.replies.map((reply) => reply.text || "") : []));
    const asked = (item.messages || []).map((turn) => turn.content);
    item.words = [item.id, item.text || "", item.reference || "", ...(item.choices || []), ...asked, ...said].join("\n").toLowerCase();
  }
  return item.words;
}

function number(value) {
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

function turn(role, text, kind) {
  return element("p", `text ${kind || ""}`, role ? element("span", "role", role) : null, text);
}

function choices(item, reply) {
  const rows = reply.logprobs.map((logprob, place) =>
    element("tr", place === reply.picked ? "best" : "", element("td", "", item.choices[place] || ""), element("td", "num", logprob.toFixed(2).replace("-", "−"))));
  return element("table", "choices", element("tbody", "", ...rows));
}

function sample(item, reply) {
  const parts = reply.logprobs ? [choices(item, reply)] : [reply.text ? turn("", reply.text) : element("p", "text unmarked", WORDS.empty)];
  if (reply.stopped === "length") parts.push(element("p", "cut", WORDS.cut_off));
  if (reply.truncated) parts.push(element("p", "cut", WORDS.head_cut));
  if (reply.trace) parts.push(element("details", "more", element("summary", "", WORDS.trace), turn("", reply.trace)));
  return parts;
}

/** Say what was read out of each sample, where that is not the answer itself, and each measure's value. */
function marks(answer) {
  const lines = Object.entries(answer.marks || {}).map(([measure, mark]) => {
    const known = WORDS.measures[measure] || measure.replaceAll("_", " ");
    return element("tr", "", element("td", "", known), element("td", "num", number(mark.value)));
  });
  const accuracy = (answer.marks || {}).accuracy;
  const read = accuracy ? accuracy.read.map((one) => (one === null ? WORDS.nothing : one)).join(" · ") : null;
  return [read === null ? null : element("p", "marks", `${WORDS.read_as} `, element("b", "", read)),
    lines.length ? element("table", "choices marks", element("tbody", "", ...lines)) : null];
}

function reply(item, place, state) {
  const column = state.exam.columns[place], answer = item.answers[place];
  const name = element("b", "", link(`page.html#${column.folder}`, column.model));
  if (!answer) return element("div", "reply", element("p", "where", name, ` ${WORDS.not_asked}`));
  const mark = (answer.marks || {})[state.measure];
  const share = mark && SHARES.has(state.measure);
  const kind = share && mark.value === 1 ? "right" : share && mark.value === 0 ? "wrong" : "";
  const verdict = kind ? element("span", kind, WORDS.shows[kind]) : null;
  const chosen = place === state.after || place === state.before ? " is-chosen" : "";
  return element("div", `reply${kind && ` is-${kind}`}${chosen}`, element("p", "where", name, " ", verdict),
    ...answer.replies.flatMap((one) => sample(item, one)), ...marks(answer));
}

function article(item, state) {
  const own = link(fragment(state, { item: item.id, show: "", find: "", group: "" }), item.id);
  own.className = "permanent";
  const prompt = element("div", "prompt", element("p", "where", own, item.group ? ` · ${item.group}` : ""),
    ...(item.messages || []).map((one) => turn(WORDS.roles[one.role] || one.role, one.content)),
    item.text === undefined ? null : turn(WORDS.raw, item.text || WORDS.empty),
    item.reference ? turn(WORDS.reference, item.reference, "reference") : null);
  const replies = state.exam.columns.map((_, place) => reply(item, place, state));
  const made = element("article", "question", prompt, element("div", "replies", ...replies));
  made.dataset.item = item.id;
  return made;
}

function fill(name, options, chosen) {
  const select = document.getElementById(name);
  select.replaceChildren(...options.map(([value, text, off]) => {
    const option = element("option", "", text);
    Object.assign(option, { value, disabled: Boolean(off), selected: value === chosen });
    return option;
  }));
  select.closest("label").hidden = options.length < 2;
}

/** Offer what can be chosen; each view says how many items it has. */
function offer(state, items, seen) {
  const columns = state.exam.columns, folder = (place) => (place < 0 ? "" : columns[place].folder);
  const share = SHARES.has(state.measure), paired = state.before >= 0;
  const off = { right: !share, wrong: !share, rose: !paired, fell: !paired, unchanged: !paired };
  const counts = Object.fromEntries(Object.keys(SHOWS).map((show) => [show, seen.filter(SHOWS[show]).length]));
  fill("prompts", EXAMS.map((one) => [one.folder, one.label]), state.exam.folder);
  fill("answers", columns.map((one) => [one.folder, one.model]), folder(state.after));
  fill("before", [["", WORDS.nobody], ...columns.map((one) => [one.folder, one.model, one.folder === folder(state.after)])], folder(state.before));
  fill("measure", columns[state.after].measures.map((one) => [one, WORDS.measures[one] || one.replaceAll("_", " ")]), state.measure);
  const groups = [...new Set(items.map((item) => item.group || ""))].filter(Boolean);
  fill("group", [["", WORDS.every], ...groups.map((one) => [one, one])], state.group);
  const kept = Object.keys(SHOWS).filter((show) => !off[show] && (counts[show] > 0 || show === state.show || show === "all"));
  fill("show", kept.map((show) => [show, `${WORDS.shows[show]} (${counts[show]})`]), state.show);
  const find = document.getElementById("find");
  if (document.activeElement !== find) find.value = state.find;
}

function pager(state, pages) {
  const step = (page, text, rel) => {
    if (page < 1 || page > pages) return element("span", "off", text);
    const made = link(fragment(state, { page }), text);
    made.rel = rel;
    return made;
  };
  const place = element("span", "", `${state.page} / ${pages}`);
  return pages < 2 ? [] : [step(state.page - 1, WORDS.previous, "prev"), place, step(state.page + 1, WORDS.next, "next")];
}

function about(exam) {
  return [link(`page.html#${exam.folder}`, exam.label), element("span", "protocol", exam.protocol)];
}

async function draw() {
  const list = document.getElementById("list"), count = document.getElementById("count");
  if (!EXAMS.length) return;
  const state = wanted(), asked = location.hash;
  document.getElementById("about").replaceChildren(...about(state.exam));
  if (state.exam.missing) {
    offer(state, [], []);
    count.textContent = "0";
    list.replaceChildren(element("p", "note", WORDS.missing[state.exam.missing]));
    document.body.dataset.ready = location.hash;
    return;
  }
  const items = await itemsOf(state.exam);
  if (location.hash !== asked) return;
  const inGroup = items.filter((item) => (!state.item || item.id === state.item) && (!state.group || item.group === state.group));
  const found = state.find ? inGroup.filter((item) => words(item).includes(state.find.toLowerCase())) : inGroup;
  const seen = found.map((item) => ({ item, ...facts(item, state) }));
  const shown = seen.filter(SHOWS[state.show]);
  const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
  state.page = Math.min(state.page, pages);
  offer(state, items, seen);
  count.textContent = WORDS.found.replace("{shown}", shown.length).replace("{total}", items.length);
  const here = shown.slice((state.page - 1) * PER_PAGE, state.page * PER_PAGE);
  list.replaceChildren(...here.map((one) => article(one.item, state)));
  document.querySelectorAll(".pager").forEach((each) => each.replaceChildren(...pager(state, pages)));
  document.getElementById("every").hidden = !state.item;
  document.getElementById("every").href = fragment(state, {});
  document.body.dataset.ready = location.hash;
}

function choose() {
  const state = wanted();
  const chosen = Object.fromEntries(FIELDS.map((name) => [name, document.getElementById(name).value]));
  if (chosen.show === "all" || (chosen.before === "" && PAIRED.includes(chosen.show))) chosen.show = "";
  if (chosen.prompts !== state.exam.folder) location.hash = new URLSearchParams({ prompts: chosen.prompts });
  else history.replaceState(null, "", fragment(state, chosen));
  draw();
}

FIELDS.forEach((name) => document.getElementById(name).addEventListener("input", choose));
addEventListener("hashchange", () => { scrollTo(0, 0); draw(); });
draw();
