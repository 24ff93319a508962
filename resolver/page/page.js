/* The page: a question and its answer; the node's state, every two seconds while somebody looks.
   What others have said is only ever text here: no markup is made of it. */
"use strict";

const $ = (id) => document.getElementById(id);
const PERIOD = 2000; // milliseconds between two looks at the node
const POINTS = 60; // of a curve: two minutes

/* ---- making elements ---- */

function element(name, text, className) {
	const e = document.createElement(name);
	e.textContent = text;
	if (className)
		e.className = className;
	return e;
}

function shape(name, attributes, title) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	if (title) {
		const t = document.createElementNS("http://www.w3.org/2000/svg", "title");
		t.textContent = title;
		e.append(t);
	}
	return e;
}

function list(dl, rows) {
	dl.replaceChildren(...rows.flatMap(([term, said]) => [element("dt", term), element("dd", said)]));
}

function count(n, word) {
	return `${n} ${word}${String(n) === "1" ? "" : "s"}`;
}

/* ---- the question ---- */

const VERDICTS = {
	self: ["good", "✔ written on this machine"],
	pin: ["good", "✔ signed by a key that is pinned here"],
	"dnssec-key": ["good", "✔ signed by a key that DNSSEC vouches for"],
	dnssec: ["good", "✔ proven by DNSSEC"],
	key: ["good", "✔ signed by the key in the name"],
	tofu: ["poor", "● signed by the first key that was seen for it"],
	dns: ["poor", "● as DNS says it: not proven"],
	open: ["poor", "● as anybody may have said it: not proven"],
};

/* The file's name: a single label is written with its final dot, the root is @. */
function fileOf(name) {
	const bare = name.trim();
	if (bare === "" || bare === ".")
		return "@";
	return bare.includes(".") || bare.length === 52 ? bare : bare + ".";
}

function sayVerdict(kind, text) {
	$("verdict").className = kind;
	$("verdict").textContent = text;
}

function sayAnswer(a) {
	const [kind, text] = VERDICTS[a.trust] || ["poor", `● ${a.trust}`];
	sayVerdict(kind, text);
	$("data").replaceChildren(...a.data.map((d) => element("li", d)));
	const rows = [["name", a.name], ["type", a.type], ["TTL", `${a.ttl} s`], ["from", a.source]];
	if (a.cname)
		rows.push(["by way of", a.cname.join(" → ")]);
	if (a.signer)
		rows.push(["signer", a.signer]);
	list($("facts"), rows);
}

let turn = 0; // only the latest question is answered

async function look(name, type) {
	const mine = ++turn, path = `IN/${encodeURIComponent(type)}/${encodeURIComponent(fileOf(name))}`;
	$("answer").setAttribute("aria-busy", "true");
	sayVerdict("", "asking …");
	$("data").replaceChildren();
	list($("facts"), []);
	try {
		const reply = await fetch(`/dns/${path}`, {headers: {accept: "application/json"}});
		const said = reply.ok ? await reply.json() : await reply.text();
		if (mine !== turn)
			return;
		if (reply.ok)
			sayAnswer(said);
		else
			sayVerdict("bad", `✘ ${said.trim()}`);
		await explain(path, mine);
	} catch (e) {
		if (mine === turn)
			sayVerdict("bad", "✘ this node does not answer");
	} finally {
		if (mine === turn)
			$("answer").setAttribute("aria-busy", "false");
	}
}

async function explain(path, mine) {
	const reply = await fetch(`/explain/${path}`);
	const text = await reply.text();
	if (mine !== turn)
		return;
	$("why").hidden = !reply.ok;
	$("explanation").textContent = text;
}

function ask(event) {
	event.preventDefault();
	const type = $("type").value.trim().toUpperCase(), name = $("name").value.trim();
	history.replaceState(null, "", `#${encodeURIComponent(type)}/${encodeURIComponent(name)}`);
	look(name, type);
}

/* #TYPE/NAME: a question that can be passed on as an address. */
function askedBefore() {
	const [type, name] = location.hash.slice(1).split("/").map(decodeURIComponent);
	if (!name)
		return;
	$("type").value = type;
	$("name").value = name;
	look(name, type);
}

/* ---- the node ---- */

function numbers(text) {
	return new Map(text.trim().split("\n").map((line) => {
		const at = line.indexOf(" ");
		return [line.slice(0, at), line.slice(at).trim()];
	}));
}

function sum(status, pattern) {
	let n = 0;
	for (const [name, value] of status)
		if (pattern.test(name))
			n += Number(value);
	return n;
}

const curves = {
	answers: {points: [], last: null, text: "Answers a second", of: /^dns\.\w+\.out$/},
	packets: {points: [], last: null, text: "Packets of the DHT a second", of: /^dht\.packets_(in|out)$/},
};

function drawCurve(id, status, seconds) {
	const c = curves[id], now = sum(status, c.of);
	if (c.last !== null)
		c.points = [...c.points, Math.max(0, (now - c.last) / seconds)].slice(-POINTS);
	c.last = now;
	const most = Math.max(1, ...c.points), step = 296 / (POINTS - 1);
	const line = c.points.map((p, i) =>
		`${(298 - (c.points.length - 1 - i) * step).toFixed(1)},${(76 - 70 * p / most).toFixed(1)}`);
	$(id).replaceChildren(shape("path", {class: "axis", d: "M2 4V76H298"}),
		shape("polyline", {class: "curve", points: line.join(" ")}));
	const latest = c.points.length ? c.points[c.points.length - 1].toFixed(1) : "–";
	$(`${id}-text`).textContent = `${c.text}: ${latest}; most in two minutes: ${Math.max(0, ...c.points).toFixed(1)}`;
}

function sayState(status) {
	const get = (name) => status.get(name) || "–";
	list($("state"), [
		["version", get("version")],
		["trust", get("trust")],
		["own records", get("records.own")],
		["in memory", count(get("cache.entries"), "answer")],
		["DHT", status.get("dht") === "on" ? `${count(get("dht.nodes"), "peer")}, id ${get("dht.id").slice(0, 8)}…` : "off"],
		["seen as", [get("dht.address4"), get("dht.address6")].filter((a) => a !== "-" && a !== "–").join(", ") || "–"],
		["network", `about ${count(Math.max(Number(status.get("dht.size4") || 0), Number(status.get("dht.size6") || 0)) || "?", "node")}`],
		["kept for others", count(get("store.items"), "item")],
	]);
}

/* Ids are a ring: the first 32 bits are the angle. The quicker a peer answers, the further out it stands. */
function place(id, radius) {
	const angle = 2 * Math.PI * parseInt(id.slice(0, 8), 16) / 2 ** 32 - Math.PI / 2;
	return {cx: (160 + radius * Math.cos(angle)).toFixed(1), cy: (160 + radius * Math.sin(angle)).toFixed(1)};
}

function drawPeers(own, rows) {
	const shapes = [shape("circle", {class: "axis", cx: 160, cy: 160, r: 150})];
	for (const [address, id, , rtt, failures] of rows) {
		const late = Math.min(1, Math.log10(1 + (parseFloat(rtt) || 1000)) / 3);
		shapes.push(shape("circle", {class: failures === "0" ? "peer" : "peer failing", r: 4, ...place(id, 150 - 110 * late)},
			`${address}, ${rtt}`));
	}
	if (own)
		shapes.push(shape("circle", {class: "self", r: 7, ...place(own, 150)}, "this node"));
	$("ring").replaceChildren(...shapes);
	const failing = rows.filter((r) => r[4] !== "0").length;
	$("ring-text").textContent =
		`${count(rows.length, "peer")} on the ring of ids, ${failing} of them silent of late; this node is the large one`;
	$("peers").replaceChildren(...rows.map((row) => {
		const tr = document.createElement("tr");
		tr.append(...row.slice(0, 6).map((word) => element("td", word)));
		return tr;
	}));
}

async function text(path) {
	const reply = await fetch(path);
	if (reply.status === 403) // it is told to others only
		return null;
	if (!reply.ok && reply.status !== 503)
		throw new Error(path);
	return reply.text();
}

let before = 0;

async function update() {
	const [health, said, nodes] = await Promise.all(["/healthz", "/status", "/nodes"].map(text));
	const now = performance.now(), well = health === "ok\n";
	const line = well ? "✔ it is well" : `✘ ${health.trim()}`;
	if ($("health").textContent !== line) { // not the same again: it is read aloud
		$("health").className = well ? "good" : "bad";
		$("health").textContent = line;
	}
	for (const shown of document.querySelectorAll(".state"))
		shown.hidden = said === null;
	$("secret").hidden = said !== null;
	if (said === null)
		return;
	const status = numbers(said);
	sayState(status);
	for (const id of Object.keys(curves))
		drawCurve(id, status, (now - before) / 1000);
	before = now;
	drawPeers(status.get("dht.id"), (nodes || "").split("\n").filter((l) => l).map((l) => l.split(" ")));
}

let paused = false;

async function keepUpdating() {
	try {
		if (!paused && !document.hidden)
			await update();
	} catch (e) {
		$("health").className = "bad";
		$("health").textContent = "✘ this node does not answer";
	}
	setTimeout(keepUpdating, PERIOD);
}

function pause() {
	paused = !paused;
	$("pause").setAttribute("aria-pressed", String(paused));
}

$("ask").addEventListener("submit", ask);
$("pause").addEventListener("click", pause);
window.addEventListener("hashchange", askedBefore);
askedBefore();
keepUpdating();
