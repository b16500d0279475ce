"use strict";
// The page walks edges of the graphs in its data; what a step does and when it must wait is in them.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const sides = { broken: data.broken, fixed: data.fixed };
  const started = {};
  let side = "broken", at = 0, way = [], resets = 0, hinted = false, shown = false;
  for (const name of Object.keys(sides)) started[name] = { way: [], won: false };

  const graph = () => sides[side];
  const make = (tag, text, cls) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (cls) node.className = cls;
    return node;
  };
  const edges = (state) => {
    const row = graph().states[state], found = [];
    for (let i = 4; i < row.length; i += 3) found.push({ task: row[i], to: row[i + 1], text: row[i + 2] });
    return found;
  };
  const edge = (state, task) => edges(state).find((one) => one.task === task);
  const far = (state) => graph().states[state][3];
  const end = (state) => { const n = graph().states[state][2]; return n < 0 ? null : graph().ends[n]; };
  const slot = (state, task) => {
    const flat = graph().slots[graph().states[state][1]];
    return { step: flat[3 * task], why: graph().texts[flat[3 * task + 1]], holds: graph().texts[flat[3 * task + 2]] };
  };
  const letters = () => graph().tasks.map((task) => task[0]);
  const spell = (steps) => {
    let text = "";
    for (let i = 0; i < steps.length;) {
      let n = i;
      while (n < steps.length && steps[n].task === steps[i].task) n++;
      const letter = letters()[steps[i].task];
      text += n - i > 3 ? letter + (n - i) : letter.repeat(n - i);
      i = n;
    }
    return text;
  };
  const read = (text) => {
    const tasks = [];
    for (const [, letter, count] of text.replace(/@.*$/, "").matchAll(/([A-Za-z])(\d*)/g)) {
      const task = letters().indexOf(letter);
      for (let n = 0; n < Math.min(Number(count || 1), 5000); n++) tasks.push(task);
    }
    return tasks;
  };
  const reason = (task) => {
    const { step, why } = slot(at, task);
    if (end(at)) return "the run is over";
    if (step === -1) return "has returned";
    if (step === -2) return "has no I/O to complete yet";
    return why || "";
  };

  // ---- what is kept: progress, in this browser only
  const kept = () => { try { return JSON.parse(localStorage.getItem("diolock-lessons")) || {}; } catch { return {}; } };
  const keep = (change) => {
    try {
      const all = kept();
      all[data.name] = { ...all[data.name], ...change };
      localStorage.setItem("diolock-lessons", JSON.stringify(all));
    } catch { /* a browser that keeps nothing: the lesson can be played all the same */ }
  };

  // ---- drawing
  const lane = $("lane");
  let drawn = 0, cells = [], cards = [];
  function build() {
    const g = graph();
    $("tasks").replaceChildren();
    cards = g.tasks.map(([letter, name], task) => {
      const card = make("section", undefined, "task");
      card.setAttribute("aria-labelledby", `task-${task}`);
      const head = make("h3", name);
      head.id = `task-${task}`;
      const next = make("p", undefined, "next"), buttons = make("div", undefined, "buttons");
      const step = make("button", undefined, "step"), run = make("button", `Run ${letter} on`);
      step.type = run.type = "button";
      step.dataset.task = task;
      step.append(`Step ${letter} `, make("kbd", String(task + 1)));
      step.id = `step-${task}`;
      run.id = `run-${task}`;
      run.title = "as many steps as it takes on its own, up to the next lock, count, size or I/O";
      const why = make("p", undefined, "why");
      why.id = `why-${task}`;
      step.setAttribute("aria-describedby", why.id);
      run.setAttribute("aria-describedby", why.id);
      step.addEventListener("click", () => take(task));
      run.addEventListener("click", () => runOn(task));
      buttons.append(step, run);
      const all = make("details"), list = make("ol");
      all.open = window.innerWidth > 900;
      all.append(make("summary", `Steps of ${letter}`), list);
      list.tabIndex = 0;
      list.setAttribute("aria-label", `Steps of ${letter}`);
      card.append(head, next, buttons, why, all);
      $("tasks").append(card);
      return { step, run, why, next, list, drawn: [] };
    });
    $("panel").replaceChildren();
    let group = "", list;
    cells = g.labels.map(([of, name]) => {
      if (of !== group) {
        const box = make("div");
        list = make("dl");
        box.append(make("h3", of), list);
        $("panel").append(box);
        group = of;
      }
      const value = make("dd");
      list.append(make("dt", name), value);
      return value;
    });
    const row = make("tr");
    for (const text of ["Step", ...g.tasks.map((task) => task[1]), "Locks held after it"]) {
      const cell = make("th", text);
      cell.scope = "col";
      row.append(cell);
    }
    lane.tHead.replaceChildren(row);
    lane.tBodies[0].replaceChildren();
    drawn = 0;
    for (const name of Object.keys(sides)) $(`side-${name}`).setAttribute("aria-pressed", String(name === side));
    $("side-text").textContent = g.text;
    if (g.closes) {
      const [letter, label, fn] = g.closes, task = g.tasks.find((one) => one[0] === letter);
      const step = task[2].find((one) => one[0] === label && one[1] === fn);
      $("side-text").append(" In the list of ", make("b", letter), " the step ", make("span", step[2], "does"), ` (${fn}) is marked: it `, make("span", "closes the window", "closes"));
    }
  }

  function held(state) {
    return graph().tasks.map(([letter], task) => [letter, slot(state, task).holds])
      .filter(([, holds]) => holds).map(([letter, holds]) => `${letter}: ${holds}`).join("; ");
  }

  function row(n) {
    const one = way[n], tr = make("tr"), number = make("th");
    number.scope = "row";
    const changed = n > 0 && way[n - 1].task !== one.task;
    number.textContent = `${changed ? "> " : ""}${n + 1}`;
    if (changed) { tr.className = "switch"; number.setAttribute("aria-label", `step ${n + 1}, another task than before`); }
    tr.append(number);
    graph().tasks.forEach((_, task) => tr.append(make("td", task === one.task ? graph().texts[one.text] : "", "does")));
    tr.append(make("td", held(one.to)));
    const ended = end(one.to);
    if (ended && ended[0]) tr.classList.add("bad");
    return tr;
  }

  // What a task has done, where it stands, and what it does next if nobody comes between: numbers of its steps.
  function listed(task) {
    const steps = [];
    let here = 0;
    for (const one of way) {
      if (one.task === task) steps.push(slot(here, task).step);
      here = one.to;
    }
    const past = steps.length;
    for (let n = 0; n < 200; n++) {
      const { step } = slot(here, task);
      if (step < 0) break;
      steps.push(step);
      const next = edge(here, task);
      if (!next) break;
      here = next.to;
    }
    return { steps, past };
  }

  function drawSteps(task) {
    const card = cards[task], { list } = card, [letter, , all] = graph().tasks[task];
    const { steps, past } = listed(task), closes = graph().closes;
    let last = -1;
    steps.forEach((step, n) => {
      const [label, fn, does] = all[step];
      if (closes && closes[0] === letter && closes[1] === label && closes[2] === fn) last = n;
      let node = list.children[n];
      if (!node || card.drawn[n] !== step) {
        const made = make("li");
        made.append(make("span", does, "does"), " ", make("span", `in ${fn}`, "in"));
        if (node) node.replaceWith(made); else list.append(made);
        node = made;
      }
      if (node.className !== (n < past ? "past" : "")) node.className = n < past ? "past" : "";
      if (n === past) node.setAttribute("aria-current", "step");
      else if (node.hasAttribute("aria-current")) node.removeAttribute("aria-current");
    });
    while (list.children.length > steps.length) list.lastElementChild.remove();
    card.drawn = steps;
    list.hidden = steps.length === 0;
    card.current = list.children[past];
    const mark = list.querySelector(".closes");
    if (mark && mark.parentElement !== list.children[last]) mark.remove();
    if (last >= 0 && !list.children[last].querySelector(".closes")) {
      list.children[last].append(" ", make("span", "closes the window", "closes"));
    }
  }

  // Brings the pointers and the last row into view: all is measured before anything is moved.
  function scroll() {
    const box = lane.parentElement, to = cards.map(({ list, current }) => {
      if (!list.clientHeight) return 0;
      return current ? current.offsetTop - list.offsetTop - list.clientHeight / 3 : list.scrollHeight;
    });
    const end = box.scrollHeight;
    cards.forEach(({ list }, n) => { if (to[n]) list.scrollTop = to[n]; });
    box.scrollTop = end;
  }

  function draw(from) {
    const g = graph(), over = end(at);
    g.tasks.forEach(([, , steps], task) => {
      const card = cards[task], { step } = slot(at, task), can = Boolean(edge(at, task)), why = reason(task);
      for (const button of [card.step, card.run]) {
        button.setAttribute("aria-disabled", String(!can));
        button.classList.remove("wanted");
      }
      card.why.textContent = can ? "" : why;
      card.next.replaceChildren();
      if (step >= 0) {
        card.next.append("next: ", make("span", steps[step][2], "does"), make("span", `in ${steps[step][1]}`, "in"));
      }
      drawSteps(task);
    });
    const panel = g.panels[g.states[at][0]];
    const before = from === undefined ? panel : g.panels[g.states[from][0]];
    cells.forEach((value, n) => {
      const text = g.cells[panel[n]];
      value.textContent = text.slice(1) || "not there";
      value.className = text[0] + (panel[n] !== before[n] ? " changed" : "");
    });
    const body = lane.tBodies[0];
    while (drawn > way.length) { body.lastElementChild.remove(); drawn--; }
    while (drawn < way.length) { body.append(row(drawn)); drawn++; }
    const box = lane.parentElement;
    box.hidden = $("lane-head").hidden = way.length === 0;
    finish(over);
    const schedule = spell(way);
    $("replay-line").hidden = way.length === 0;
    $("replay").textContent = `${g.replay} --schedule ${schedule}`;
    $("count").textContent = way.length === 1 ? "1 step" : `${way.length} steps`;
    $("undo").setAttribute("aria-disabled", String(way.length === 0));
    $("shortest").hidden = !(side === "broken" ? g.shortest : g.same);
    const may = side === "broken" ? started.broken.won || kept()[data.name]?.steps || resets >= 3 : true;
    $("shortest").setAttribute("aria-disabled", String(!may));
    $("shortest").textContent = side === "broken" ? "Show the shortest" : "Play the schedule that failed";
    $("hint").hidden = !g.shortest;
    link(way.length || side === "fixed" ? `#kernel=${g.kernel}&schedule=${schedule}` : "");
    scroll();
  }

  // The address follows, a moment later: browsers refuse to change it many times a second.
  let linking;
  function link(hash) {
    clearTimeout(linking);
    linking = setTimeout(() => {
      try { history.replaceState(null, "", location.href.split("#")[0] + hash); } catch { /* the page goes on */ }
    }, 120);
  }

  function say(text) { $("status").textContent = text; }

  function finish(over) {
    const box = $("over"), g = graph();
    box.hidden = !over;
    box.replaceChildren();
    if (!over) return;
    const [bad, title, text] = over;
    box.className = bad ? "bad" : "";
    const add = (...words) => { const p = make("p"); p.append(...words); box.append(p); };
    if (bad) {
      box.append(make("h3", shown ? "This is how it fails" : "You broke it"));
      add(make("b", title));
      if (text) add(text);
      if (!shown && side === "broken") {
        const par = g.par, n = way.length;
        add(n === par ? `${n} steps: none is shorter.` : `${n} steps. It can be done in ${par}.`);
        started.broken.won = true;
        const best = kept()[data.name]?.steps;
        keep({ steps: best ? Math.min(best, n) : n, par });
      }
      if (data.fixed) {
        const button = make("button", "Now try it on the fixed kernel");
        button.type = "button";
        button.id = "to-fixed";
        button.addEventListener("click", () => choose("fixed", true));
        box.append(button);
      }
      say(shown ? "" : `You broke it: ${title}`);
    } else {
      box.append(make("h3", "Nothing went wrong this time"));
      say("Every task has returned.");
      if (g.shortest) {
        add("Every task has returned, and no rule is broken. There is another order of steps in which one is: undo a few, or start over.");
      } else {
        add(`Every task has returned, and no rule is broken. So it is in every other order: ${g.all}`);
        if (side === "fixed") keep({ fixed: true });
      }
    }
  }

  // ---- moving
  function go(task) {
    const one = edge(at, task);
    if (!one) return false;
    way.push(one);
    at = one.to;
    return true;
  }

  function take(task) {
    const from = at;
    shown = false;
    if (!go(task)) { say(`${letters()[task]} ${reason(task) || "cannot go on"}`); return; }
    say("");
    draw(from);
    if (far(at) < 0 && !end(at) && side === "broken" && far(from) >= 0) {
      say("From here on nothing can go wrong any more: the window has closed. Undo, or start over.");
    }
  }

  function runOn(task) {
    const from = at;
    shown = false;
    let moved = 0;
    while (go(task)) {
      moved++;
      const { step } = slot(at, task);
      if (step < 0 || graph().tasks[task][2][step][3]) break;
    }
    if (!moved) { say(`${letters()[task]} ${reason(task) || "cannot go on"}`); return; }
    say(moved === 1 ? "" : `${moved} steps of ${letters()[task]}`);
    draw(from);
  }

  function undo() {
    if (!way.length) return;
    way.pop();
    at = way.length ? way[way.length - 1].to : 0;
    shown = false;
    say("");
    draw();
  }

  function reset() {
    if (way.length) resets++;
    way = [];
    at = 0;
    shown = false;
    say(resets >= 3 ? "“Show the shortest” is open to you now." : "");
    draw();
  }

  function hint() {
    if (end(at)) { say("The run is over: undo, or start over."); return; }
    if (far(at) < 0) { say("From here on nothing can go wrong any more: undo, or start over."); return; }
    const last = way.length ? way[way.length - 1].task : -1;
    const good = edges(at).filter((one) => far(one.to) === far(at) - 1);
    const one = good.find((found) => found.task === last) || good[0];
    const [letter, , steps] = graph().tasks[one.task];
    cards[one.task].step.classList.add("wanted");
    say(`Let ${letter} go on: ${steps[slot(at, one.task).step][2]}. ${far(at)} more ${far(at) === 1 ? "step" : "steps"} at least.`);
  }

  function play(tasks) {
    way = [];
    at = 0;
    for (let n = 0; n < tasks.length; n++) {
      if (tasks[n] < 0 || !go(tasks[n])) return n;
    }
    return -1;
  }

  function shortest() {
    if ($("shortest").getAttribute("aria-disabled") === "true") {
      say("First win, or start over three times.");
      return;
    }
    const stopped = play(read(side === "broken" ? graph().shortest : graph().same));
    shown = true;
    draw();
    if (side === "fixed") say(graph().how);
    else if (stopped < 0) say("The shortest way. Undo goes back through it.");
  }

  function choose(name, focus) {
    started[side].way = way;
    side = name;
    way = started[side].way;
    at = way.length ? way[way.length - 1].to : 0;
    shown = false;
    build();
    say(side === "fixed" ? `The fixed kernel, the same goal: ${graph().all} Try it.` : "");
    draw();
    if (focus) $("side-fixed").focus();
  }

  function fromLink(hash) {
    const said = new URLSearchParams(hash.slice(1));
    const kernel = said.get("kernel"), schedule = said.get("schedule");
    if (!kernel && !schedule) return;
    say("");
    const name = Object.keys(sides).find((one) => sides[one] && sides[one].kernel === kernel);
    if (kernel && !name) { say(`This lesson has no kernel ${kernel}.`); return; }
    if (name && name !== side) { side = name; build(); }
    const tasks = read(schedule || "");
    const stopped = play(tasks);
    shown = true;
    draw();
    if (stopped >= 0) {
      const who = letters()[tasks[stopped]];
      say(who ? `Step ${stopped + 1} of the link cannot run: ${who} ${reason(tasks[stopped]) || "cannot go on"}`
        : `Step ${stopped + 1} of the link names no task of this lesson.`);
    }
  }

  $("play").hidden = false;
  $("side-broken").textContent = data.broken.shortest ? `1. Break it: ${data.broken.title}` : `Play it: ${data.broken.title}`;
  if (data.fixed) {
    $("side-fixed").textContent = `2. Try to break it: ${data.fixed.title}`;
    $("side-fixed").addEventListener("click", () => choose("fixed"));
  } else {
    delete sides.fixed;
    $("side-fixed").remove();
  }
  $("side-broken").addEventListener("click", () => choose("broken"));
  $("undo").addEventListener("click", undo);
  $("reset").addEventListener("click", reset);
  $("hint").addEventListener("click", hint);
  $("shortest").addEventListener("click", shortest);
  window.addEventListener("hashchange", () => fromLink(location.hash));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const n = Number(event.key) - 1;
    if (n >= 0 && n < graph().tasks.length) take(n);
    else if (event.key === "u") undo();
    else if (event.key === "r") reset();
    else if (event.key === "h" && graph().shortest) hint();
    else return;
    event.preventDefault();
  });
  const given = location.hash;
  build();
  draw();
  say("Press a Step button to begin.");
  fromLink(given);
})();
