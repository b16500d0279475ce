// Plays every lesson in a real browser, through the buttons that a learner has.
//
//   node play.mjs FOLDER [--shots FOLDER]
//
// Exit status: 0 all is well, 1 something is not, 77 no browser can be had. With SPEED=1 a page that takes 300 ms to load
// is not well either, nor a step that takes 16 ms.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...rest] = process.argv.slice(2);
const shots = rest[0] === "--shots" ? rest[1] : undefined;
const executable = process.env.CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!executable) {
  console.log("no Chromium here (Debian: apt-get install chromium; or CHROMIUM=PATH): the pages are not played");
  process.exit(77);
}
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const browser = await chromium.launch({ executablePath: executable, headless: true, args });

const timed_too = process.env.SPEED === "1";
let wrong = 0, checks = 0;
const check = (good, what) => { checks++; if (!good) { wrong++; console.log(`  WRONG: ${what}`); } };
const url = (name, hash = "") => pathToFileURL(resolve(folder, name)).href + hash;
const spread = (text) => [...text.matchAll(/([A-Za-z])(\d*)/g)].flatMap(([, letter, n]) => Array(Number(n || 1)).fill(letter));

async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("console", (line) => { if (line.type() === "error") check(false, `${name}: console: ${line.text()}`); });
  page.on("pageerror", (error) => check(false, `${name}: ${error.message}`));
  page.on("request", (one) => check(one.url().startsWith("file:"), `${name} asks for ${one.url()}`));
  await page.goto(url(name, options.hash));
  return page;
}

async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const one of found.violations) {
    const bad = one.impact === "serious" || one.impact === "critical";
    check(!bad, `${what}: axe ${one.id} (${one.impact}): ${one.nodes[0].html.slice(0, 160)} ${one.nodes[0].failureSummary ?? ""}`);
  }
}

const text = (page, id) => page.locator(`#${id}`).innerText();
const disabled = (page, id) => page.getAttribute(`#${id}`, "aria-disabled");

// Free play on a kernel on which nothing goes wrong: to its end.
async function safe(page, name, graph) {
  for (let n = 0; n < 400 && await page.locator("#over").isHidden(); n++) await page.keyboard.press(String(n % graph.tasks.length + 1));
  check((await text(page, "over")).includes("all are safe"), `${name}: says that all are safe`);
  await accessible(page, name);
  await page.context().close();
  console.log(`${name}: ${graph.states.length} states, nothing goes wrong`);
}

async function lesson(name) {
  const page = await open(name);
  const data = JSON.parse(await page.textContent("#data"));
  const { broken, fixed } = data;
  if (!broken.shortest) { await safe(page, name, broken); return; }
  const letters = broken.tasks.map((task) => task[0]);
  const way = spread(broken.shortest);
  check(way.length === broken.par, `${name}: par is the length of the shortest`);
  check(await disabled(page, "shortest") === "true", `${name}: the shortest is not shown before a win`);
  check((await text(page, "status")).includes("Press a Step"), `${name}: says what to do first`);

  // To the win, through the buttons; each task that cannot go on says why.
  let reasons = 0;
  for (const letter of way) {
    for (let task = 0; task < letters.length; task++) {
      const why = await text(page, `why-${task}`);
      if (await disabled(page, `step-${task}`) === "true") {
        reasons++;
        check(why.length > 3, `${name}: ${letters[task]} is disabled and does not say why`);
      } else {
        check(why === "", `${name}: ${letters[task]} can go on and says ${why}`);
      }
    }
    const task = letters.indexOf(letter);
    await page.locator(`#step-${task}`).dispatchEvent("click");
  }
  check((await page.locator("#over h3").innerText()) === "You broke it", `${name}: won by the shortest schedule`);
  check((await text(page, "over")).includes("none is shorter"), `${name}: par is said`);
  check((await page.locator("#lane tbody tr").count()) === way.length, `${name}: a row a step`);
  check((await text(page, "replay")).endsWith(`--schedule ${broken.shortest}`), `${name}: the replay command`);
  check(await disabled(page, "shortest") === "false", `${name}: the shortest is open after a win`);
  await page.waitForFunction(() => location.hash.includes("schedule="));
  await page.waitForTimeout(200);
  check(decodeURIComponent(page.url()).endsWith(`#kernel=${broken.kernel}&schedule=${broken.shortest}`), `${name}: the link`);
  const link = new URL(page.url()).hash;

  // Undo, by key; nothing of the last step stays.
  await page.keyboard.press("u");
  check((await page.locator("#lane tbody tr").count()) === way.length - 1, `${name}: undo takes a row away`);
  check(await page.locator("#over").isHidden(), `${name}: undo takes the end away`);
  await page.keyboard.press("h");
  check((await page.locator("button.wanted").count()) === 1, `${name}: a hint marks a button`);
  await page.keyboard.press(String(letters.indexOf(way[way.length - 1]) + 1));
  check((await page.locator("#over h3").innerText()) === "You broke it", `${name}: won again, by keys`);

  // The fixed kernel, with the keyboard alone, to its end.
  if (fixed) {
    await page.focus("#to-fixed");
    await page.keyboard.press("Enter");
    check((await text(page, "status")).includes("all are safe"), `${name}: says that all are safe`);
    check((await text(page, "status")).includes(fixed.runs), `${name}: says how many executions there are`);
    const marked = async () => (await page.locator("#tasks .closes").count()) > 0;
    let seen = await marked();
    if (fixed.same) {
      await page.click("#shortest");
      seen = seen || await marked();
      check((await text(page, "status")) === fixed.how, `${name}: what becomes of the schedule there`);
    }
    await page.keyboard.press("r");
    let steps = 0, refused = false;
    while (await page.locator("#over").isHidden() && steps < 400) {
      const free = [];
      for (let task = 0; task < fixed.tasks.length; task++) {
        if (await disabled(page, `step-${task}`) === "false") { free.push(task); continue; }
        const why = await text(page, `why-${task}`);
        reasons++;
        check(why.length > 3, `${name}: ${fixed.tasks[task][0]} is disabled on the fixed kernel and does not say why`);
        if (!refused && /^waits/.test(why)) {
          refused = true;
          const rows = await page.locator("#lane tbody tr").count();
          await page.keyboard.press(String(task + 1));
          check((await page.locator("#lane tbody tr").count()) === rows, `${name}: a task that waits does not move`);
          check((await text(page, "status")) === `${fixed.tasks[task][0]} ${why}`, `${name}: it says aloud why not`);
        }
      }
      check(free.length > 0, `${name}: somebody can go on until the end`);
      if (!free.length) break;
      await page.keyboard.press(String(free[steps % free.length] + 1));
      steps++;
    }
    check((await page.locator("#over h3").innerText()).startsWith("Nothing went wrong"), `${name}: the fixed kernel is safe`);
    if (fixed.closes) {
      check(seen || await marked(), `${name}: the step that closes the window is marked`);
    }
  }
  await accessible(page, `${name} after the game`);
  await page.context().close();

  // A link leads straight to the failure.
  const linked = await open(name, { hash: link });
  check((await linked.locator("#over h3").innerText()) === "This is how it fails", `${name}: the link shows the failure`);
  check((await linked.locator("#lane tbody tr").count()) === way.length, `${name}: the link takes every step`);
  await accessible(linked, `${name} by its link`);
  await linked.context().close();

  // A link that cannot be followed says where it stops.
  const stopped = await open(name, { hash: `#kernel=${broken.kernel}&schedule=${letters[0]}999` });
  check(/Step \d+ of the link cannot run/.test(await text(stopped, "status")), `${name}: a link that stops says where`);
  await stopped.context().close();

  for (const scheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      const look = await open(name, { viewport: { width, height: 900 }, colorScheme: scheme });
      check(await look.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name}: no sideways scrolling at ${width}`);
      if (width === 360 || scheme === "dark") await accessible(look, `${name} at ${width}, ${scheme}`);
      if (shots) {
        mkdirSync(shots, { recursive: true });
        for (let n = 0; n < 4; n++) await look.locator(`#run-${n % 2}`).dispatchEvent("click");
        await look.screenshot({ path: `${shots}/${name.replace(".html", "")}-${width}-${scheme}.png`, fullPage: true });
      }
      await look.context().close();
    }
  }

  // Without script: the shortest run is there as a table.
  const still = await open(name, { javaScriptEnabled: false });
  check((await still.locator("noscript").count()) === 1 && await still.locator("#play").isHidden(), `${name}: nothing to press without script`);
  await still.locator("details summary", { hasText: "The shortest way" }).click();
  check((await still.locator("table tr.bad").count()) === 1, `${name}: the failure as a table`);
  await still.context().close();

  // Every step, with the layout that it needs. The machine may be busy: of each step the best of five.
  const timed = await open(name);
  const slowest = await timed.evaluate((way) => {
    const best = way.map(() => Infinity);
    for (let play = 0; play < 5; play++) {
      document.getElementById("reset").click();
      way.forEach((task, n) => {
        const start = performance.now();
        document.getElementById(`step-${task}`).click();
        document.body.getBoundingClientRect();
        best[n] = Math.min(best[n], performance.now() - start);
      });
    }
    return Math.max(...best);
  }, way.map((letter) => letters.indexOf(letter)));
  if (timed_too) check(slowest < 16, `${name}: a step takes ${slowest.toFixed(1)} ms`);
  await timed.context().close();

  // The best of three.
  let load = Infinity;
  for (let n = 0; n < 3; n++) {
    const fresh = await open(name);
    load = Math.min(load, await fresh.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventEnd));
    await fresh.context().close();
  }
  if (timed_too) check(load < 300, `${name}: loads in ${load.toFixed(0)} ms`);
  console.log(`${name}: ${broken.states.length} + ${fixed ? fixed.states.length : 0} states, par ${broken.par}, ${reasons} reasons read, loads in ${load.toFixed(0)} ms, slowest step ${slowest.toFixed(1)} ms`);
}

async function index(lessons) {
  const page = await open("index.html");
  check((await page.locator("ol.path li").count()) === lessons.length, "index: every lesson is there");
  for (const link of await page.locator("a[href]").evaluateAll((all) => all.map((one) => one.getAttribute("href")))) {
    const [file, id] = link.split("#");
    if (file) check(existsSync(resolve(folder, file)), `index: ${link} leads nowhere`);
    if (!file && id) check((await page.locator(`[id="${id}"]`).count()) === 1, `index: ${link} leads nowhere`);
  }
  await accessible(page, "index");
  // What was done is kept: lesson 1 is won, and the index says so.
  await page.click("#go");
  const { broken } = JSON.parse(await page.textContent("#data"));
  for (const letter of spread(broken.shortest)) await page.keyboard.press(String(broken.tasks.findIndex((task) => task[0] === letter) + 1));
  await page.click("nav a");
  check((await page.locator("ol.path li").first().innerText()).includes(`Won in ${broken.par} steps, par ${broken.par}`), "index: says what was won");
  check((await text(page, "go")).includes("2."), "index: goes on with the next lesson");
  await page.click("#forget");
  await page.waitForFunction(() => document.getElementById("go").textContent === "Begin with lesson 1");
  await page.click("#go");
  check(page.url().includes(lessons[0]), "index: begins with lesson 1");
  await page.context().close();
  const ids = new Set([...readFileSync(resolve(folder, "index.html"), "utf8").matchAll(/ id="([^"]+)"/g)].map((one) => one[1]));
  for (const name of lessons) {
    const html = readFileSync(resolve(folder, name), "utf8");
    for (const [, file, id] of html.matchAll(/href="([^"#]*)#?([^"]*)"/g)) {
      if (file === "index.html" && id) check(ids.has(id), `${name}: index.html#${id} leads nowhere`);
      else if (file) check(existsSync(resolve(folder, file)), `${name}: ${file} leads nowhere`);
    }
  }
  for (const scheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      const look = await open("index.html", { viewport: { width, height: 900 }, colorScheme: scheme });
      check(await look.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `index: no sideways scrolling at ${width}`);
      await accessible(look, `index at ${width}, ${scheme}`);
      if (shots) await look.screenshot({ path: `${shots}/index-${width}-${scheme}.png`, fullPage: true });
      await look.context().close();
    }
  }
}

const pages = readdirSync(folder).filter((name) => /^\d.*\.html$|^play-.*\.html$/.test(name)).sort();
const lessons = pages.filter((name) => /^\d/.test(name));
check(lessons.length === 12, `there are ${lessons.length} lessons`);
for (const name of pages) await lesson(name);
await index(lessons);
await browser.close();
console.log(`${pages.length} pages, ${checks} checks, ${wrong} wrong`);
process.exit(wrong ? 1 : 0);
